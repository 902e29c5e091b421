"""Layer 8: a new row is the principal's, whoever it says it is for."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select

from app.layers.authorization import UnscopedQueryError
from tests.owned_things import (
    ANN,
    BOB,
    Part,
    Row,
    Thing,
    after,
    id_of,
    refused,
    rows_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from app.database import Database

pytestmark = pytest.mark.anyio

TABLE: Any = Thing.__table__


async def test_a_new_row_is_the_principals(database: Database) -> None:
    added, gone = await after(database, lambda session: session.add(Thing(name="new")))
    assert (added, gone) == ({Row("new", ANN.user_id)}, set())


async def test_rows_that_are_stored_along_with_one_are_the_principals(database: Database) -> None:
    def write(session: Session) -> None:
        thing = Thing(name="new", parts=[Part(name=str(number)) for number in range(3)])
        session.add(thing)
        session.flush()
        assert {part.owner_id for part in thing.parts} == {ANN.user_id}

    assert (await after(database, write))[0] == {Row("new", ANN.user_id)}


async def test_many_new_rows_at_once_are_the_principals(database: Database) -> None:
    many = [Thing(name=f"new {number}") for number in range(50)]
    added, _ = await after(database, lambda session: session.add_all(many))
    assert {row.owner_id for row in added} == {ANN.user_id}
    assert len(added) == 50


async def test_a_row_that_names_its_owner_rightly_is_stored(database: Database) -> None:
    thing = Thing(name="new", owner_id=ANN.user_id)
    assert (await after(database, lambda session: session.add(thing)))[0]


def merged(owner: uuid.UUID | None) -> Callable[[Session], Any]:
    return lambda session: session.merge(Thing(id=id_of("new"), name="new", owner_id=owner))


TO_SOMEBODY_ELSE: dict[str, Callable[[Session], Any]] = {
    "an object": lambda session: session.add(Thing(name="new", owner_id=BOB.user_id)),
    "one of two objects": lambda session: session.add_all(
        [Thing(name="new"), Thing(name="new", owner_id=BOB.user_id)]
    ),
    "a merged object": merged(BOB.user_id),
    "a statement": lambda session: session.execute(
        insert(Thing).values(id=uuid.uuid4(), name="new", owner_id=BOB.user_id)
    ),
    "a statement with many rows": lambda session: session.execute(
        insert(Thing), rows_for(ANN.user_id, BOB.user_id)
    ),
    "a statement with many values": lambda session: session.execute(
        insert(Thing).values(rows_for(ANN.user_id, BOB.user_id))
    ),
    "a statement whose owner is computed": lambda session: session.execute(
        insert(Thing).values(
            id=uuid.uuid4(), name="new", owner_id=select(func.max(Part.owner_id)).scalar_subquery()
        )
    ),
    "a statement without an owner": lambda session: session.execute(
        insert(Thing), [{"id": uuid.uuid4(), "name": "new"}]
    ),
    "a core statement": lambda session: session.execute(insert(TABLE), rows_for(BOB.user_id)),
    "within another statement, even for oneself": lambda session: session.execute(
        select(Part.name).add_cte(insert(TABLE).values(rows_for(ANN.user_id)[0]).cte("new"))
    ),
    "what is selected": lambda session: session.execute(
        insert(Thing).from_select(
            ["id", "owner_id", "name"], select(Part.id, Part.owner_id, Part.name)
        )
    ),
    "in bulk, as objects": lambda session: session.bulk_save_objects(
        [Thing(id=uuid.uuid4(), name="new", owner_id=BOB.user_id)]
    ),
    "in bulk, as rows": lambda session: session.bulk_insert_mappings(
        Thing.__mapper__, rows_for(BOB.user_id)
    ),
    "on a connection": lambda session: session.connection().execute(
        insert(Thing), rows_for(BOB.user_id)
    ),
}


@pytest.mark.parametrize("way", TO_SOMEBODY_ELSE)
async def test_a_row_for_somebody_else_is_not_stored(database: Database, way: str) -> None:
    await refused(database, TO_SOMEBODY_ELSE[way], UnscopedQueryError)


async def test_a_statement_stores_rows_that_are_all_the_principals(database: Database) -> None:
    added, _ = await after(
        database, lambda session: session.execute(insert(Thing), rows_for(ANN.user_id))
    )
    assert added == {Row("new", ANN.user_id)}


async def test_a_row_in_conflict_may_be_anybodys_and_is_not_overwritten(
    database: Database, database_kind: str
) -> None:
    if database_kind == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as insert_or_update  # noqa: PLC0415
    else:
        from sqlalchemy.dialects.postgresql import (  # type: ignore[assignment]  # noqa: PLC0415
            insert as insert_or_update,
        )
    row = {"id": id_of("bob 1"), "name": "changed", "owner_id": ANN.user_id}
    statement = insert_or_update(Thing).on_conflict_do_update(
        index_elements=["id"], set_={"name": "changed"}
    )
    await refused(database, lambda session: session.execute(statement, [row]), UnscopedQueryError)
