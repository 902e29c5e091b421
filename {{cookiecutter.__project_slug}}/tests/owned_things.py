"""Models that belong to users, of the tests' own, and two users with some of each.

Ann has the things `ann 1` and `ann 2`, Bob has `bob 1`. Below `ann 1` is a part of hers and, as no
service would make it, one of Bob's; below `bob 1` is one of his.
"""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pydantic import SecretStr
from sqlalchemy import ForeignKey, String, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from app.database import DatabaseSettings, HasIdentity, open_database
from app.layers.authorization import Owned, Principal
from app.request_context import RequestContext, current

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sqlalchemy.orm import Session

    from app.database import Database


class OwnBase(DeclarativeBase):
    """Apart from the service's: its migrations know nothing of these."""


class Person(HasIdentity, OwnBase):
    """Somebody; the name of the table is what owners refer to."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(20))
    things: Mapped[list[Thing]] = relationship(back_populates="owner")


class Thing(HasIdentity, Owned, OwnBase):
    """What somebody has."""

    __tablename__ = "owned_things"

    name: Mapped[str] = mapped_column(String(20), default="")
    parts: Mapped[list[Part]] = relationship(back_populates="thing", cascade="all, delete-orphan")
    owner: Mapped[Person] = relationship(back_populates="things")


class Part(HasIdentity, Owned, OwnBase):
    """What is below it."""

    __tablename__ = "owned_parts"

    name: Mapped[str] = mapped_column(String(20), default="")
    thing_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owned_things.id", ondelete="CASCADE"))
    thing: Mapped[Thing] = relationship(back_populates="parts")


def id_of(name: str) -> uuid.UUID:
    """Return the id of whoever or whatever has this name."""
    return uuid.uuid5(uuid.NAMESPACE_OID, name)


OWN = ["ann 1", "ann 2"]
"""What is Ann's."""
ANN, BOB = (Principal(id_of(name), uuid.uuid4(), "user") for name in ("ann", "bob"))
THINGS = {"ann 1": ANN, "ann 2": ANN, "bob 1": BOB}
PARTS = {"part of ann": (ANN, "ann 1"), "part of bob": (BOB, "ann 1"), "his": (BOB, "bob 1")}


def rows_of_things() -> list[dict[str, Any]]:
    """Return what the table of things holds."""
    return [
        {"id": id_of(name), "owner_id": owner.user_id, "name": name}
        for name, owner in THINGS.items()
    ]


def rows_of_parts() -> list[dict[str, Any]]:
    """Return what the table of parts holds."""
    return [
        {"id": id_of(name), "owner_id": owner.user_id, "name": name, "thing_id": id_of(thing)}
        for name, (owner, thing) in PARTS.items()
    ]


@contextmanager
def acting(principal: Principal | None) -> Iterator[None]:
    """Let a request of this principal be under way."""
    token = current.set(RequestContext(request_id="0" * 32, principal=principal))
    try:
        yield
    finally:
        current.reset(token)


@asynccontextmanager
async def world(url: str) -> AsyncIterator[Database]:
    """Open a database that is empty as yet, and put everybody and everything into it."""
    async with open_database(DatabaseSettings(url=SecretStr(url))) as database:
        everybody = database.engine.execution_options(every_owner=True)
        async with everybody.begin() as connection:
            await connection.run_sync(OwnBase.metadata.create_all)
            people = [{"id": id_of(name), "name": name} for name in ("ann", "bob")]
            await connection.execute(insert(Person), people)
            await connection.execute(insert(Thing), rows_of_things())
            await connection.execute(insert(Part), rows_of_parts())
        yield database


async def as_ann(database: Database, read: Callable[[Session], Any]) -> Any:
    """Return what Ann reads, in a session of her own."""
    async with database.sessions() as session:
        with acting(ANN):
            return await session.run_sync(read)


def names(query: Any) -> Callable[[Session], Any]:
    """Return a reader of the names that a query finds, in their order."""
    return lambda session: sorted(
        found if isinstance(found, str) else found.name for found in session.scalars(query)
    )


EVERYBODY = {"every_owner": True}


class Row(NamedTuple):
    """What is stored of a thing."""

    name: str
    owner_id: uuid.UUID


def stored(session: Session) -> set[Row]:
    """Return all things there are."""
    rows = session.execute(select(Thing.name, Thing.owner_id), execution_options=EVERYBODY)
    return {Row(*row) for row in rows}


def written(session: Session, write: Callable[[Session], Any]) -> None:
    """Write, and have it reach the database."""
    write(session)
    session.flush()


async def after(database: Database, write: Callable[[Session], Any]) -> tuple[set[Row], set[Row]]:
    """Return what Ann's write adds and what it takes away; all is as before afterwards."""

    def compare(session: Session) -> tuple[set[Row], set[Row]]:
        before = stored(session)
        written(session, write)
        now = stored(session)
        return now - before, before - now

    async with database.sessions() as session:
        with acting(ANN):
            return await session.run_sync(compare)


async def refused(database: Database, write: Callable[[Session], Any], error: Any) -> None:
    """Demand that Ann's write fails, and that Bob's rows are as they were."""

    def fail(session: Session) -> None:
        with pytest.raises(error), session.begin_nested():
            written(session, write)
        assert Row("bob 1", BOB.user_id) in stored(session)
        assert len(stored(session)) == 3

    async with database.sessions() as session:
        with acting(ANN):
            await session.run_sync(fail)


def of_bob(session: Session) -> Thing:
    """Return Bob's thing, which somebody had the session read on purpose."""
    query = select(Thing).where(Thing.name == "bob 1")
    return session.scalars(query, execution_options=EVERYBODY).one()


def set_name(thing: Thing) -> None:
    """Change a thing."""
    thing.name = "changed"


def rows_for(*owners: uuid.UUID) -> list[dict[str, Any]]:
    """Return new rows, one for each of these owners."""
    return [{"id": uuid.uuid4(), "name": "new", "owner_id": owner} for owner in owners]
