"""PostgreSQL that fails in earnest: what is an outage, and that nobody waits for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.database import DatabaseSettings, create_engine, is_outage
from tests.databases import POSTGRESQL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases
    from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio
PATIENCE = 0.3


def engine_for(url: str) -> AsyncEngine:
    settings = DatabaseSettings(url=SecretStr(url), pool_size=1, pool_timeout=PATIENCE)
    return create_engine(settings, statement_timeout=PATIENCE)


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.empty(POSTGRESQL) as empty:
        yield empty


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(url)
    yield engine
    await engine.dispose()


async def ask(engine: AsyncEngine, sql: str) -> None:
    async with engine.connect() as connection:
        await connection.execute(text(sql))


@pytest.mark.parametrize(
    ("code", "outage"),
    [
        ("08006", True),
        ("25006", True),
        ("28P01", True),
        ("3D000", True),
        ("40001", True),
        ("40P01", True),
        ("53300", True),
        ("57P01", True),
        ("58030", True),
        ("22021", False),
        ("25001", False),
        ("42P01", False),
        ("P0001", False),
    ],
)
async def test_its_own_code_says_whether_it_is_an_outage(
    engine: AsyncEngine, code: str, outage: bool
) -> None:
    with pytest.raises(DBAPIError) as raised:
        await ask(engine, f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$")
    assert is_outage(raised.value) is outage


async def test_what_is_there_twice_is_no_outage(engine: AsyncEngine) -> None:
    with pytest.raises(IntegrityError) as raised:
        await ask(engine, "DO $$ BEGIN RAISE unique_violation; END $$")
    assert not is_outage(raised.value)


async def test_a_value_that_can_not_be_sent_is_no_outage(engine: AsyncEngine) -> None:
    """It is the driver that refuses it, before the server sees it."""
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as raised:
            await connection.execute(select(func.length(bindparam("text", "\ud800"))))
    assert not is_outage(raised.value)


async def test_a_busy_sqlite_is_an_outage() -> None:
    assert is_outage(OperationalError("BEGIN", {}, Exception("database is locked")))


@pytest.mark.parametrize("wrong", ["password", "name"])
async def test_a_door_that_stays_shut_is_an_outage(
    url: str, postgres: PostgresServer, wrong: str
) -> None:
    spoilt = url.replace(postgres.password, "x") if wrong == "password" else f"{url}x"
    engine = engine_for(spoilt)
    with pytest.raises(DBAPIError) as raised:
        await ask(engine, "SELECT 1")
    assert is_outage(raised.value)
    await engine.dispose()


@pytest.mark.parametrize("host", ["127.0.0.1:9", "nowhere.invalid"])
async def test_a_host_that_does_not_answer_is_a_connection_error(host: str) -> None:
    engine = engine_for(f"postgresql+asyncpg://service:x@{host}/service")
    with pytest.raises(ConnectionError, match="PostgreSQL can't be reached"):
        await ask(engine, "SELECT 1")
    await engine.dispose()


async def test_whoever_is_cut_off_gets_an_outage_and_then_a_new_connection(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as raised:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_outage(raised.value)
    await ask(engine, "SELECT 1")


async def test_a_statement_that_takes_too_long_is_given_up(engine: AsyncEngine) -> None:
    with pytest.raises(TimeoutError):
        await ask(engine, "SELECT pg_sleep(60)")
    await ask(engine, "SELECT 1")


async def test_a_server_that_hangs_is_not_waited_for(
    engine: AsyncEngine, url: str, postgres: PostgresServer
) -> None:
    await ask(engine, "SELECT 1")
    stranger = engine_for(url)
    postgres.hang()
    try:
        with pytest.raises(TimeoutError):  # on a connection that it has
            await ask(engine, "SELECT 1")
        with pytest.raises(ConnectionError):  # on its way to one
            await ask(stranger, "SELECT 1")
    finally:
        postgres.go_on()
    await ask(engine, "SELECT 1")
    await ask(stranger, "SELECT 1")
    await stranger.dispose()
