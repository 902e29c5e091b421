"""Layer 8: whatever is read through a session is the principal's own, however it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    and_,
    exists,
    func,
    lambda_stmt,
    literal,
    or_,
    select,
    true,
    union,
    union_all,
)
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import (
    Session,
    aliased,
    contains_eager,
    immediateload,
    joinedload,
    selectinload,
    subqueryload,
)

from tests.owned_things import ANN, BOB, OWN, Part, Person, Thing, acting, as_ann, id_of, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.database import Database

pytestmark = pytest.mark.anyio

Other = aliased(Thing)


def scalar(query: Any) -> Callable[[Session], Any]:
    return lambda session: session.scalar(query)


def of_subquery(kind: str) -> Any:
    inner = getattr(select(Thing), kind)()
    return select(inner.c.name)


def parts_by(load: Any) -> Callable[[Session], Any]:
    """Return a reader of the parts below Ann's first thing, loaded in this way."""

    def read(session: Session) -> Any:
        query = select(Thing).where(Thing.name == "ann 1").options(load)
        (thing,) = session.scalars(query).unique().all()
        return [part.name for part in thing.parts]

    return read


READS: dict[str, tuple[Callable[[Session], Any], Any]] = {
    "select": (names(select(Thing)), OWN),
    "of one column": (names(select(Thing.name)), OWN),
    "with a condition that is always true": (names(select(Thing).where(or_(true()))), OWN),
    "with an or beside it": (
        names(select(Thing).where(or_(Thing.name == "bob 1", Thing.name == "ann 1"))),
        ["ann 1"],
    ),
    "by id": (names(select(Thing).where(Thing.id == id_of("bob 1"))), []),
    "by owner": (names(select(Thing).where(Thing.owner_id == BOB.user_id)), []),
    "an alias": (names(select(Other)), OWN),
    "in pieces": (names(select(Thing).execution_options(yield_per=1)), OWN),
    "sorted and cut": (names(select(Thing).order_by(Thing.name.desc()).limit(9)), OWN),
    "legacy query": (lambda session: sorted(t.name for t in session.query(Thing)), OWN),
    "legacy count": (lambda session: session.query(Thing).count(), 2),
    "count": (scalar(select(func.count()).select_from(Thing)), 2),
    "count of a column": (scalar(select(func.count(Thing.id))), 2),
    "highest": (scalar(select(func.max(Thing.name))), "ann 2"),
    "grouped": (scalar(select(func.count(Thing.id)).group_by(Thing.owner_id)), 2),
    "a constant where it is": (scalar(select(literal(1)).where(Thing.name == "bob 1")), None),
    "subquery": (names(of_subquery("subquery")), OWN),
    "common table expression": (names(of_subquery("cte")), OWN),
    "entity of a subquery": (names(select(aliased(Thing, select(Thing).subquery()))), OWN),
    "in a subquery": (
        names(select(Person.name).where(Person.id.in_(select(Thing.owner_id)))),
        ["ann"],
    ),
    "a statement within a column": (
        lambda session: sorted(
            found
            for (found,) in session.execute(
                select(select(func.count(Part.id)).correlate(Thing).scalar_subquery())
                .select_from(Thing)
                .where(Thing.name == "ann 1")
            )
        ),
        [1],
    ),
    "exists": (scalar(select(select(Thing).where(Thing.name == "bob 1").exists())), False),
    "correlated exists": (
        names(select(Person.name).where(exists().where(Thing.owner_id == Person.id))),
        ["ann"],
    ),
    "has any": (names(select(Person.name).where(Person.things.any())), ["ann"]),
    "scalar subquery": (
        lambda session: [
            found
            for _, found in session.execute(
                select(
                    Person.name,
                    select(func.count(Thing.id))
                    .where(Thing.owner_id == Person.id)
                    .scalar_subquery(),
                ).order_by(Person.name)
            )
        ],
        [2, 0],
    ),
    "join": (names(select(Thing.name).select_from(Person).join(Person.things)), OWN),
    "join without a condition": (
        names(select(Thing.name).select_from(Person).join(Thing, true())),
        [*sorted([*OWN, *OWN])],
    ),
    "join of two aliases": (
        lambda session: sorted(
            session.execute(
                select(Thing.name, Other.name).join(
                    Other, and_(Other.id == Thing.id, Other.name != "")
                )
            ).all()
        ),
        [("ann 1", "ann 1"), ("ann 2", "ann 2")],
    ),
    "outer join": (
        lambda session: session.scalars(
            select(Thing.name)
            .select_from(Person)
            .outerjoin(Person.things)
            .where(Person.name == "bob")
        ).all(),
        [None],
    ),
    "join upwards": (
        names(select(Part.name).join(Part.thing).where(Thing.name != "")),
        ["part of ann"],
    ),
    "two at once": (
        scalar(
            select(func.count()).select_from(Thing, Part).where(Part.thing_id == Thing.id),
        ),
        1,
    ),
    "union": (
        names(union(select(Thing.name), select(Part.name))),
        ["ann 1", "ann 2", "part of ann"],
    ),
    "union of entities": (
        names(select(Thing).from_statement(union_all(select(Thing), select(Thing)))),
        sorted([*OWN, *OWN]),
    ),
    "from a statement": (names(select(Thing).from_statement(select(Thing))), OWN),
    "a statement in a lambda": (names(lambda_stmt(lambda: select(Thing))), OWN),
    "get": (lambda session: session.get(Thing, id_of("bob 1")), None),
    "get again": (
        lambda session: [session.get(Thing, id_of("ann 1")).name for _ in range(2)],  # type: ignore[union-attr]
        ["ann 1", "ann 1"],
    ),
    "for update": (names(select(Thing).with_for_update()), OWN),
    "lazy load": (
        lambda session: [part.name for part in session.get_one(Thing, id_of("ann 1")).parts],
        ["part of ann"],
    ),
    "lazy load upwards": (
        lambda session: [part.thing.name for part in session.scalars(select(Part))],
        ["ann 1"],
    ),
    "lazy load from what nobody owns": (
        lambda session: [
            sorted(thing.name for thing in person.things)
            for person in session.scalars(select(Person).order_by(Person.name))
        ],
        [OWN, []],
    ),
    "joined load": (parts_by(joinedload(Thing.parts)), ["part of ann"]),
    "inner joined load": (parts_by(joinedload(Thing.parts, innerjoin=True)), ["part of ann"]),
    "select-in load": (parts_by(selectinload(Thing.parts)), ["part of ann"]),
    "subquery load": (parts_by(subqueryload(Thing.parts)), ["part of ann"]),
    "immediate load": (parts_by(immediateload(Thing.parts)), ["part of ann"]),
    "load there and back": (
        parts_by(selectinload(Thing.parts).joinedload(Part.thing)),
        ["part of ann"],
    ),
    "joined load of a part of the list": (
        lambda session: [
            [part.name for part in thing.parts]
            for thing in session.scalars(
                select(Thing).options(joinedload(Thing.parts)).order_by(Thing.name).limit(1)
            ).unique()
        ],
        [["part of ann"]],
    ),
    "joined by hand": (
        lambda session: [
            [part.name for part in thing.parts]
            for thing in session.scalars(
                select(Thing).join(Thing.parts).options(contains_eager(Thing.parts))
            ).unique()
        ],
        [["part of ann"]],
    ),
}


@pytest.mark.parametrize("way", READS)
async def test_what_is_read_is_the_principals_own(database: Database, way: str) -> None:
    read, expected = READS[way]
    assert await as_ann(database, read) == expected


async def test_what_is_streamed_is_the_principals_own(database: Database) -> None:
    async with database.sessions() as session:
        with acting(ANN):
            rows = await session.stream_scalars(select(Thing.name))
            assert sorted([name async for name in rows]) == OWN


async def test_somebody_elses_is_not_there_even_where_it_must_be(database: Database) -> None:
    with pytest.raises(NoResultFound):
        await as_ann(database, lambda session: session.get_one(Thing, id_of("bob 1")))


async def test_an_object_is_read_again_by_its_owner(database: Database) -> None:
    def read(session: Session) -> Any:
        thing = session.get_one(Thing, id_of("ann 1"))
        session.refresh(thing)
        session.expire(thing)
        return thing.name

    assert await as_ann(database, read) == "ann 1"


async def test_a_statement_that_is_kept_is_each_principals_own(database: Database) -> None:
    """SQLAlchemy keeps the SQL of a statement; whom it is for must not be kept with it."""
    async with database.sessions() as session:
        for principal, expected in ((ANN, OWN), (BOB, ["bob 1"]), (ANN, OWN)):
            with acting(principal):
                assert await session.run_sync(names(select(Thing))) == expected
