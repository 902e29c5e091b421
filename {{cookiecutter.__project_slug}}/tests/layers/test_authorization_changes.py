"""Layer 8: who changes or deletes rows reaches the principal's own, and they stay so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.exc import StaleDataError

from app.layers.authorization import UnscopedQueryError
from tests.owned_things import (
    ANN,
    BOB,
    EVERYBODY,
    Part,
    Row,
    Thing,
    after,
    id_of,
    of_bob,
    refused,
    rows_for,
    set_name,
    stored,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.database import Database

pytestmark = pytest.mark.anyio

TABLE: Any = Thing.__table__


def each(session: Session, write: Callable[[Thing], None]) -> None:
    for thing in session.scalars(select(Thing)):
        write(thing)


OWN_CHANGES: dict[str, Callable[[Session], Any]] = {
    "a statement": lambda session: session.execute(update(Thing).values(name="changed")),
    "a statement that evaluates": lambda session: session.execute(
        update(Thing).values(name="changed"),
        execution_options={"synchronize_session": "evaluate"},
    ),
    "a statement that fetches": lambda session: session.execute(
        update(Thing).values(name="changed"), execution_options={"synchronize_session": "fetch"}
    ),
    "a statement that returns": lambda session: session.execute(
        update(Thing).values(name="changed").returning(Thing.id)
    ).all(),
    "a core statement": lambda session: session.execute(update(TABLE).values(name="changed")),
    "on a connection": lambda session: session.connection().execute(
        update(Thing).values(name="changed")
    ),
    "legacy query": lambda session: session.query(Thing).update({"name": "changed"}),
    "objects": lambda session: each(session, set_name),
}


@pytest.mark.parametrize("way", OWN_CHANGES)
async def test_what_changes_everything_changes_the_principals_own(
    database: Database, way: str
) -> None:
    added, gone = await after(database, OWN_CHANGES[way])
    assert added == {Row("changed", ANN.user_id)}
    assert gone == {Row("ann 1", ANN.user_id), Row("ann 2", ANN.user_id)}


OWN_DELETIONS: dict[str, Callable[[Session], Any]] = {
    "a statement": lambda session: session.execute(delete(Thing)),
    "a statement that returns": lambda session: session.execute(
        delete(Thing).returning(Thing.id)
    ).all(),
    "a statement with a subquery": lambda session: session.execute(
        delete(Thing).where(Thing.id.not_in(select(Part.id)))
    ),
    "a core statement": lambda session: session.execute(delete(TABLE)),
    "on a connection": lambda session: session.connection().execute(delete(Thing)),
    "legacy query": lambda session: session.query(Thing).delete(),
    "objects": lambda session: each(session, session.delete),
}


@pytest.mark.parametrize("way", OWN_DELETIONS)
async def test_what_deletes_everything_deletes_the_principals_own(
    database: Database, way: str
) -> None:
    added, gone = await after(database, OWN_DELETIONS[way])
    assert added == set()
    assert gone == {Row("ann 1", ANN.user_id), Row("ann 2", ANN.user_id)}


def forged(session: Session) -> Thing:
    """Return an object that says it is Bob's row, and Ann's."""
    thing = Thing(id=id_of("bob 1"), owner_id=ANN.user_id)
    make_transient_to_detached(thing)
    session.add(thing)
    return thing


FOREIGN: dict[str, tuple[Callable[[Session], Any], Any]] = {
    "an object that was read for everybody": (
        lambda session: set_name(of_bob(session)),
        UnscopedQueryError,
    ),
    "its deletion": (lambda session: session.delete(of_bob(session)), UnscopedQueryError),
    "an object that claims to be the row": (
        lambda session: set_name(forged(session)),
        StaleDataError,
    ),
    "in bulk by id": (
        lambda session: session.execute(update(Thing), [{"id": id_of("bob 1"), "name": "changed"}]),
        StaleDataError,
    ),
    "in bulk, as rows": (
        lambda session: session.bulk_update_mappings(
            Thing.__mapper__, [{"id": id_of("bob 1"), "name": "changed"}]
        ),
        StaleDataError,
    ),
    "from another table": (
        lambda session: session.execute(
            update(Thing).where(Thing.id == Part.thing_id).values(name=Part.name)
        ),
        UnscopedQueryError,
    ),
}


@pytest.mark.parametrize("way", FOREIGN)
async def test_what_is_somebody_elses_is_not_written(database: Database, way: str) -> None:
    write, error = FOREIGN[way]
    await refused(database, write, error)


def give_away(session: Session) -> None:
    session.get_one(Thing, id_of("ann 1")).owner_id = BOB.user_id


def take(session: Session) -> None:
    of_bob(session).owner_id = ANN.user_id


@pytest.mark.parametrize(
    "write",
    [
        give_away,
        take,
        lambda session: session.execute(update(Thing).values(owner_id=BOB.user_id)),
        lambda session: session.execute(update(Thing).values({Thing.owner_id: Thing.id})),
        lambda session: session.execute(update(TABLE).values(owner_id=BOB.user_id)),
        lambda session: session.execute(
            update(Thing), [{"id": id_of("ann 1"), "owner_id": BOB.user_id}]
        ),
        lambda session: session.query(Thing).update({"owner_id": BOB.user_id}),
        lambda session: session.execute(
            update(TABLE)
            .values(owner_id=BOB.user_id)
            .where(TABLE.c.name.in_(select(select(Part.name).cte("named").c.name)))
        ),
    ],
    ids=["given away", "taken", "statement", "expression", "core", "bulk", "legacy", "with a CTE"],
)
async def test_the_owner_of_a_row_does_not_change(
    database: Database, write: Callable[[Session], Any]
) -> None:
    await refused(database, write, UnscopedQueryError)


async def test_a_row_can_be_deleted_after_what_was_known_of_it_was_forgotten(
    database: Database,
) -> None:
    def write(session: Session) -> None:
        thing = session.get_one(Thing, id_of("ann 1"))
        session.expire(thing)
        session.delete(thing)

    assert (await after(database, write))[1] == {Row("ann 1", ANN.user_id)}


@pytest.mark.parametrize(
    "write",
    [
        lambda session: session.add(Thing(name="new")),
        lambda session: session.execute(update(Thing).values(name="changed")),
        lambda session: session.execute(delete(Thing)),
        lambda session: session.delete(of_bob(session)),
    ],
    ids=["add", "update", "delete", "delete an object"],
)
async def test_without_a_principal_nothing_is_written(
    database: Database, write: Callable[[Session], Any]
) -> None:
    def fail(session: Session) -> None:
        with pytest.raises(UnscopedQueryError), session.begin_nested():
            written(session, write)
        assert len(stored(session)) == 3

    async with database.sessions() as session:
        await session.run_sync(fail)


async def test_who_says_so_writes_what_is_everybodys(database: Database) -> None:
    def write(session: Session) -> None:
        new = rows_for(BOB.user_id)
        session.execute(update(Thing).values(name="changed"), execution_options=EVERYBODY)
        session.execute(insert(Thing), new, execution_options=EVERYBODY)
        session.execute(delete(Thing).where(Thing.name == "new"), execution_options=EVERYBODY)

    added, gone = await after(database, write)
    assert added == {Row("changed", ANN.user_id), Row("changed", BOB.user_id)}
    assert len(gone) == 3
