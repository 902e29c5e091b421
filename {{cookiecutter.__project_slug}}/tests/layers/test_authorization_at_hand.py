"""Layer 8: what a session has at hand, what nobody may ask for, and what is meant for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import InvalidRequestError, NoResultFound
from sqlalchemy.orm import Session, selectinload

from app.layers.authorization import UnscopedQueryError
from tests.owned_things import ANN, BOB, OWN, Person, Thing, acting, as_ann, id_of, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.database import Database

pytestmark = pytest.mark.anyio


def taken_from_everybody(session: Session) -> Thing:
    """Return Bob's thing, which somebody had the session read on purpose."""
    query = select(Thing).where(Thing.name == "bob 1")
    return session.scalars(query.execution_options(every_owner=True)).one()


async def test_an_object_at_hand_is_not_given_to_somebody_else(database: Database) -> None:
    async with database.sessions() as session:
        with acting(BOB):
            thing = await session.get(Thing, id_of("bob 1"))
            assert thing is not None
        with acting(ANN):
            assert await session.get(Thing, thing.id) is None
            with pytest.raises(NoResultFound):
                await session.get_one(Thing, thing.id)
        with acting(None), pytest.raises(UnscopedQueryError):
            await session.get(Thing, thing.id)


async def test_what_was_read_for_everybody_is_not_given_by_its_id(database: Database) -> None:
    def read(session: Session) -> Any:
        thing = taken_from_everybody(session)
        everybody = {"every_owner": True}
        at_hand = session.get(Thing, thing.id, execution_options=everybody)
        return at_hand is thing, session.get(Thing, thing.id)

    assert await as_ann(database, read) == (True, None)


async def test_what_was_read_for_everybody_is_not_read_again(database: Database) -> None:
    def read(session: Session) -> None:
        session.refresh(taken_from_everybody(session))

    with pytest.raises(InvalidRequestError, match="Could not refresh instance"):
        await as_ann(database, read)


async def test_what_is_below_somebody_elses_is_not_loaded_later(database: Database) -> None:
    assert await as_ann(database, lambda session: taken_from_everybody(session).parts) == []


# --- Without a principal, and for everybody -------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        names(select(Thing)),
        names(select(Person.name).where(Person.things.any())),
        lambda session: session.get(Thing, id_of("ann 1")),
    ],
    ids=["select", "subquery", "get"],
)
async def test_without_a_principal_it_is_an_error(
    database: Database, read: Callable[[Session], Any]
) -> None:
    async with database.sessions() as session:
        with pytest.raises(UnscopedQueryError):  # outside of any request
            await session.run_sync(read)
        with acting(None), pytest.raises(UnscopedQueryError):  # of nobody
            await session.run_sync(read)


async def test_what_nobody_owns_needs_no_principal(database: Database) -> None:
    async with database.sessions() as session:
        assert await session.run_sync(names(select(Person.name))) == ["ann", "bob"]


async def test_who_says_so_reads_what_is_everybodys(database: Database) -> None:
    def read(session: Session) -> Any:
        everybody = {"every_owner": True}
        things = session.scalars(
            select(Thing).options(selectinload(Thing.parts)).order_by(Thing.name),
            execution_options=everybody,
        ).all()
        core = session.execute(select(Thing.__table__.c.name), execution_options=everybody)
        return [len(thing.parts) for thing in things], len(core.all())

    async with database.sessions() as session:
        assert await session.run_sync(read) == ([2, 0, 1], 3)


@pytest.mark.parametrize("value", ["true", 1, "false", None, []], ids=repr)
async def test_only_true_says_so(database: Database, value: object) -> None:
    query = select(Thing).execution_options(every_owner=value)
    assert await as_ann(database, names(query)) == OWN
