"""The database: SQLite as the embedded default, PostgreSQL by URL; SQLAlchemy 2, asynchronous.

Endpoints ask for a `DatabaseSession`. A service function commits; a session that ends without a
commit leaves nothing behind.
"""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
from fastapi import Depends, Request
from pydantic import Field, SecretStr, field_validator
from sqlalchemy import DateTime, MetaData, TypeDecorator, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.layers import LayerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine import Dialect

DRIVERS = {"sqlite+aiosqlite", "postgresql+asyncpg"}


class DatabaseSettings(LayerSettings):
    """`DATABASE__*`."""

    url: SecretStr = SecretStr("sqlite+aiosqlite:///var/app.db")
    """`sqlite+aiosqlite:///path` or `postgresql+asyncpg://user:password@host/name`."""
    pool_size: int = Field(default=5, ge=1, le=100)
    """Connections that a worker keeps; as many again under load."""
    pool_timeout: float = Field(default=5.0, gt=0, le=30)
    """Seconds that a request waits for one, and PostgreSQL has to make one, before it is 503."""
    statement_timeout: float = Field(default=10.0, gt=0, le=300)
    """Seconds that PostgreSQL has for a statement of a request, before it is answered 503."""

    @field_validator("url")
    @classmethod
    def _is_a_known_database(cls, url: SecretStr) -> SecretStr:
        try:
            driver = make_url(url.get_secret_value()).drivername
        except ArgumentError:
            driver = ""
        if driver not in DRIVERS:
            # The message of make_url would quote the URL, password and all.
            raise ValueError(f"must be a URL that starts with one of {sorted(DRIVERS)}")
        return url

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded default, which one machine can serve."""
        return self.url.get_secret_value().startswith("sqlite")


OUTAGES = (
    "08",  # connection failure
    "25006",  # a server that only reads: another took over
    "28",  # the password is not, or no longer, the right one
    "3D",  # no such database
    "40",  # two transactions in each other's way: a deadlock
    "53",  # too many connections, no memory, the disk is full
    "57",  # shut down, starting, or cancelled
    "58",  # input and output failed
)
"""Beginnings of SQLSTATEs (PostgreSQL's appendix A) that say nothing against what was asked."""


def is_outage(error: DBAPIError) -> bool:
    """Whether the database can't do its work; else it was asked for what it can't do.

    asyncpg's errors of the server are all of one class to SQLAlchemy, so their codes decide.
    """
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state.startswith(OUTAGES)
    return isinstance(error, OperationalError | InterfaceError)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets time zones, so they are put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive moment: nobody knows when it was."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a time zone can't be stored")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment with its zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of every model. Constraints have predictable names: migrations drop them by name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


class HasIdentity:
    """What every stored thing has: a birth, and a random id that no other id tells."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


@dataclass(frozen=True, slots=True)
class Database:
    """An open database: its engine and its maker of sessions."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]

    async def answers(self) -> bool:
        """Whether a trivial query succeeds."""
        async with self.engine.connect() as connection:
            return bool(await connection.scalar(text("SELECT 1")))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers never wait for the writer
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")  # off by default, whatever the schema says
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


async def _connect(*arguments: Any, **options: Any) -> asyncpg.Connection[asyncpg.Record]:
    """Connect to PostgreSQL.

    Raises:
        ConnectionError: it can't be reached: no such host, no way to it, no answer in time.
    """
    try:
        return await asyncpg.connect(*arguments, **options)
    except OSError as error:
        raise ConnectionError(f"PostgreSQL can't be reached: {type(error).__name__}") from error


def create_engine(
    settings: DatabaseSettings, *, statement_timeout: float | None = None
) -> AsyncEngine:
    """Return an engine for the configured database; nothing is connected yet.

    Args:
        settings: which database.
        statement_timeout: seconds that PostgreSQL has for a statement. A server that hangs says
            nothing, and without a limit whoever asks it waits for ever.
    """
    url = settings.url.get_secret_value()
    pool: dict[str, Any] = {
        "pool_size": settings.pool_size,
        "max_overflow": settings.pool_size,
        "pool_timeout": settings.pool_timeout,
        "hide_parameters": True,  # an error's message would quote what users sent
    }
    if not settings.is_sqlite:
        patience = {"timeout": settings.pool_timeout, "command_timeout": statement_timeout}
        connect = {"async_creator_fn": _connect, **patience}
        return create_async_engine(url, pool_pre_ping=True, connect_args=connect, **pool)
    # IMMEDIATE: a writer queues at BEGIN instead of failing half-way with "database is locked".
    engine = create_async_engine(url, connect_args={"isolation_level": "IMMEDIATE"}, **pool)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


@asynccontextmanager
async def open_database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """Open the database for the life of the application."""
    # Here, since layer 8 stands on layer 7, which stands on this module.
    from app.layers.authorization.ownership import OwnerSession  # noqa: PLC0415

    engine = create_engine(settings, statement_timeout=settings.statement_timeout)
    sessions = async_sessionmaker(engine, expire_on_commit=False, sync_session_class=OwnerSession)
    try:
        yield Database(engine, sessions)
    finally:
        await engine.dispose()


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    async with database.sessions() as session:
        yield session


DatabaseSession = Annotated[AsyncSession, Depends(_session)]
"""A session for the length of one request; what belongs to users is scoped to the principal, see
`app/layers/authorization/ownership.py`."""
