"""Databases of both kinds, for tests that must hold on each: SQLite and PostgreSQL.

The tables are those of the migrations. They are made once, in a template; what a test gets is a
copy, which takes 1 ms (SQLite) or 20 ms (PostgreSQL).
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest
from alembic import command
from pydantic import SecretStr

from app.database import DatabaseSettings, create_engine
from app.migrations.__main__ import alembic_config
from tests.postgres import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.postgres import PostgresServer

SQLITE, POSTGRESQL = KINDS = ("sqlite", "postgresql")
Result = TypeVar("Result")


def in_database(url: str, work: Callable[[Connection], Result]) -> Result:
    """Return what a function does with a connection of the service's own engine, and commit.

    For synchronous tests and fixtures; asynchronous ones have `app.state.database`.
    """

    async def connected() -> Result:
        engine = create_engine(DatabaseSettings(url=SecretStr(url)))
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(connected())


def name_database(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment name a database, for commands that run in this process."""
    monkeypatch.chdir(folder)  # no `.env` here
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("DATABASE__URL", url)


def migrate(url: str, folder: Path) -> None:
    """Bring a database's schema up to date, with the service's own role."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        name_database(url, folder, monkeypatch)
        command.upgrade(alembic_config(), "head")


class Databases:
    """Makes databases; each is gone when its block ends.

    Args:
        folder: where those of SQLite are.
        server: gives PostgreSQL, and starts it when it is first asked.
    """

    def __init__(self, folder: Path, server: Callable[[], PostgresServer]) -> None:
        self._folder = folder
        self._server = server
        self._kinds_with_template: set[str] = set()

    @contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        """Give the URL of a database without any table."""
        name = secrets.token_hex(8)
        try:
            yield self._make(kind, name)
        finally:
            self._remove(kind, name)

    @contextmanager
    def migrated(self, kind: str) -> Iterator[str]:
        """Give the URL of a database with every table and no row."""
        if kind not in self._kinds_with_template:
            migrate(self._make(kind, TEMPLATE), self._folder)
            self._kinds_with_template.add(kind)
        name = secrets.token_hex(8)
        try:
            yield self._make(kind, name, TEMPLATE)
        finally:
            self._remove(kind, name)

    def _make(self, kind: str, name: str, template: str = "template0") -> str:
        if kind == POSTGRESQL:
            return self._server().create(name, template)
        file = self._folder / f"{name}.db"
        if template == TEMPLATE:
            shutil.copyfile(self._folder / f"{template}.db", file)
        return f"sqlite+aiosqlite:///{file}"

    def _remove(self, kind: str, name: str) -> None:
        if kind == POSTGRESQL:
            self._server().drop(name)
            return
        for file in self._folder.glob(f"{name}.db*"):  # and what SQLite writes beside it
            file.unlink()
