"""Layer 8: what a session can't scope is not sent at all, unless it says that it is for all."""

from __future__ import annotations

import uuid  # noqa: TC003 - SQLAlchemy resolves it at run time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    DDL,
    Column,
    ForeignKey,
    MetaData,
    String,
    Table,
    bindparam,
    column,
    delete,
    event,
    exists,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    mapped_column,
)
from sqlalchemy.orm import join as join_of_entities

from app.database import HasIdentity
from app.layers.authorization import Owned, UnscopedQueryError
from app.layers.authorization.guard import PRINCIPAL, account_of
from tests.owned_things import ANN, BOB, Person, Thing, acting, id_of, rows_of_things

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.database import Database

pytestmark = pytest.mark.anyio

TABLE: Any = Thing.__table__
PEOPLE: Any = Person.__table__
ALL = "SELECT name FROM owned_things"


def executed(statement: Any) -> Callable[[Session], Any]:
    return lambda session: session.execute(statement).all()


def flushed(session: Session) -> None:
    session.get_one(Thing, id_of("ann 1")).name = (
        select(TABLE.c.name).where(TABLE.c.name == "bob 1").scalar_subquery()
    )
    session.flush()


REFUSED: dict[str, Callable[[Session], Any]] = {
    "core": executed(select(TABLE)),
    "core with an owner of its own": executed(select(TABLE).where(TABLE.c.owner_id == BOB.user_id)),
    "core beside an entity": executed(
        select(Person.name, TABLE.c.name).select_from(Person).join(TABLE, true())
    ),
    "core below an entity of the same table": executed(
        select(Thing.name).where(TABLE.c.id.in_(select(TABLE.c.id)))
    ),
    "core in a subquery": executed(
        select(Person.name).where(exists().where(TABLE.c.owner_id == Person.id))
    ),
    "core after a subquery that is scoped": executed(
        select(Person.name).where(
            Person.id.in_(select(Thing.owner_id)), Person.id.in_(select(TABLE.c.owner_id))
        )
    ),
    "core between subqueries that are scoped": executed(
        select(Person.name).where(
            *(
                Person.id.in_(select(column_of.owner_id))
                for column_of in (Thing, Thing, TABLE.c, Thing, Thing)
            )
        )
    ),
    "core in a union": executed(union_all(select(Thing.name), select(TABLE.c.name))),
    "entity of a core subquery": executed(select(aliased(Thing, select(TABLE).subquery()).name)),
    "count of the table": executed(select(func.count()).select_from(TABLE)),
    "bare exists": executed(select(exists().where(Thing.name == "bob 1"))),
    "nothing but a window": executed(select(func.row_number().over(order_by=Thing.name))),
    "full join": executed(
        select(Thing.name).select_from(Person).join(Thing, Thing.owner_id == Person.id, full=True)
    ),
    "full join made by hand": executed(
        select(Thing.name).select_from(
            join_of_entities(Person, Thing, Thing.owner_id == Person.id, full=True)
        )
    ),
    "text": executed(text(ALL)),
    "text in other letters": executed(text('select name from "OWNED_THINGS"'.replace('"', ""))),
    "text that says what it selects": executed(text(ALL).columns(column("name"))),
    "entity from text": executed(select(Thing).from_statement(text("SELECT * FROM owned_things"))),
    "text in a condition": executed(
        select(Person.name).where(text("EXISTS (SELECT 1 FROM owned_things)"))
    ),
    "text where a column is": executed(select(literal_column(f"({ALL} LIMIT 1)"))),
    "text where a table is": executed(
        select(literal_column("name")).select_from(text("owned_things"))
    ),
    "a table by its name": executed(select(column("name")).select_from(table("owned_things"))),
    "connection": lambda session: session.connection().execute(select(Thing)).all(),
    "text on a connection": lambda session: session.connection().execute(text(ALL)).all(),
    "text for the driver": lambda session: session.connection().exec_driver_sql(ALL).all(),
    "into what nobody owns": lambda session: session.execute(
        insert(Person).from_select(["name"], select(Thing.name))
    ),
    "a value of what nobody owns": lambda session: session.execute(
        update(Person).values(name=select(TABLE.c.name).scalar_subquery())
    ),
    "a value in a flush": flushed,
    "deletion in another statement": executed(
        select(Person.name).add_cte(delete(TABLE).cte("gone"))
    ),
    "insertion in another statement": executed(
        select(Person.name).add_cte(insert(TABLE).values(rows_of_things()[2]).cte("new"))
    ),
    "a principal brought along": lambda session: session.scalars(
        select(Thing.name).where(Thing.name.like(bindparam("like"))),
        {"like": "%", PRINCIPAL: BOB.user_id},
    ).all(),
    "a change with a principal brought along": lambda session: session.execute(
        update(Thing).where(Thing.name == bindparam("old")).values(name="ann's now"),
        {"old": "bob 1", PRINCIPAL: BOB.user_id},
        execution_options={"synchronize_session": False},
    ),
    "a statement bound to another principal": executed(
        select(Thing.name).params(**{PRINCIPAL: BOB.user_id})
    ),
    "a text as DDL": lambda session: session.execute(
        DDL("DELETE FROM owned_things")  # type: ignore[no-untyped-call]
    ),
    "a row put in another's place": lambda session: session.execute(
        insert(TABLE).prefix_with("OR REPLACE"),
        [{"id": id_of("bob 1"), "owner_id": ANN.user_id, "name": "stolen"}],
    ),
    "a table in capital letters": executed(
        select(Table("OWNED_THINGS", MetaData(), Column("name", String)).c.name)
    ),
    "a text within a text": executed(text("SELECT 1 WHERE 'x' IN (SELECT name FROM owned_parts)")),
}


@pytest.fixture
def sent(database: Database) -> Iterator[list[str]]:
    """What reaches the database during a test."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        statements.append(sql)

    engine = database.engine.sync_engine
    event.listen(engine, "after_cursor_execute", note)
    yield statements
    event.remove(engine, "after_cursor_execute", note)


@pytest.mark.parametrize("way", REFUSED)
async def test_what_can_not_be_scoped_is_not_sent(
    database: Database, sent: list[str], way: str
) -> None:
    async with database.sessions() as session:
        with acting(ANN), pytest.raises(UnscopedQueryError):
            await session.run_sync(REFUSED[way])
    assert not [sql for sql in sent if not sql.startswith("SELECT owned_things.")]


@pytest.mark.parametrize("way", ["core", "text", "text for the driver", "bare exists"])
async def test_nor_is_it_where_nobody_is_logged_in(database: Database, way: str) -> None:
    async with database.sessions() as session:
        with pytest.raises(UnscopedQueryError):
            await session.run_sync(REFUSED[way])


async def test_an_engine_does_not_get_around_it(database: Database) -> None:
    async with database.engine.connect() as connection:
        with acting(ANN), pytest.raises(UnscopedQueryError):
            await connection.execute(select(Thing))


async def test_the_same_sql_is_judged_by_who_wrote_it(database: Database) -> None:
    """What a colleague compares with the owner may come from a request."""
    async with database.sessions() as session:
        with acting(ANN):
            await session.execute(select(Thing.name))
            core = select(TABLE.c.name).where(TABLE.c.owner_id == ANN.user_id)
            with pytest.raises(UnscopedQueryError, match="not limited to the principal's"):
                await session.execute(core)


def test_a_place_in_a_statement_is_not_taken_for_another() -> None:
    """Places are known by their `id`, which Python gives out again when an object is gone."""
    inner = select(TABLE.c.id).where(TABLE.c.name == "a")
    account = account_of(select(TABLE.c.name).where(TABLE.c.id.in_(inner)).compile())
    assert account is not None
    places = {place for place, _ in account.reached}
    assert len(places) == 2
    assert places <= {id(place) for place in account.places}


@pytest.mark.parametrize(
    "statement",
    [
        select(TABLE.c.name),
        text(ALL),
        select(column("name")).select_from(table("owned_things")),
        select(exists().where(Thing.name == "bob 1")),
    ],
    ids=["core", "text", "name", "bare exists"],
)
async def test_who_says_so_sends_it(database: Database, statement: Any) -> None:
    async with database.sessions() as session:
        everybody = {"every_owner": True}
        assert (await session.execute(statement, execution_options=everybody)).all()
        with acting(ANN), pytest.raises(UnscopedQueryError):
            await session.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        text("SELECT 1"),
        text("SELECT 'unowned_things'"),
        select(Person.name),
        select(PEOPLE),
        update(PEOPLE).values(name=Person.name),
    ],
    ids=["one", "another name", "entity", "core", "update"],
)
async def test_what_has_to_do_with_nobodys_rows_is_sent(database: Database, statement: Any) -> None:
    async with database.sessions() as session:
        await session.execute(statement)


async def test_the_error_says_what_to_do(database: Database) -> None:
    async with database.sessions() as session:
        with acting(ANN), pytest.raises(UnscopedQueryError) as caught:
            await session.execute(select(TABLE.c.name))
    told = str(caught.value)
    assert "mapped classes and a session" in told
    assert "every_owner=True" in told
    assert "owned_things" in told


@pytest.mark.parametrize("name", ["Owned_Things", "owned-things", "owned things", "dinge_ä"])
def test_a_model_whose_table_could_not_be_found_in_a_text_is_refused(name: str) -> None:
    class Apart(DeclarativeBase):
        """Forgotten at the end of the test."""

    with pytest.raises(TypeError, match="needs a name in small letters"):
        type("Odd", (HasIdentity, Owned, Apart), {"__tablename__": name})


def test_a_model_whose_table_has_no_owner_is_refused() -> None:
    class Apart(DeclarativeBase):
        """Forgotten at the end of the test."""

    class Whole(HasIdentity, Owned, Apart):
        __tablename__ = "owned_wholes"

    with pytest.raises(TypeError, match="Special is Owned, so its table needs a column owner_id"):

        class Special(Whole):
            __tablename__ = "owned_specials"
            id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Whole.id), primary_key=True)
