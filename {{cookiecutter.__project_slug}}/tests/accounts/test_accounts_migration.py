"""The migration that lets users be another issuer's. It writes `users` anew; all hangs on it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import IntegrityError

from app.migrations.__main__ import alembic_config
from tests.in_process import named_database

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = str(ScriptDirectory.from_config(alembic_config()).get_revision("0004").down_revision)
"""A sample's revision, or the accounts' first where the samples are gone."""
ANN, SESSION = "1" * 32, "2" * 32
BORN = "2026-01-01 00:00:00"
STORED = [
    (
        "INSERT INTO users (id, created_at, email, password_hash, role) VALUES (?, ?, ?, ?, ?)",
        (ANN, BORN, "ann@example.com", "x", "admin"),
    ),
    (
        "INSERT INTO sessions (id, created_at, user_id, expires_at) VALUES (?, ?, ?, ?)",
        (SESSION, BORN, ANN, "2036-01-01 00:00:00"),
    ),
    (
        "INSERT INTO refresh_tokens (digest, session_id, expires_at) VALUES (?, ?, ?)",
        (b"d" * 32, SESSION, "2036-01-01 00:00:00"),
    ),
]
COUNTS = (
    "SELECT (SELECT count(*) FROM users WHERE role = 'admin'), (SELECT count(*) FROM sessions), "
    "(SELECT count(*) FROM refresh_tokens)"
)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a database of the revision before, in which somebody is logged in."""
    path = named_database(tmp_path, monkeypatch)
    command.upgrade(alembic_config(), BEFORE)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement, row in STORED:
            connection.execute(statement, row)
    return path


def counts(path: Path) -> tuple[int, ...]:
    with closing(sqlite3.connect(path)) as connection:
        found: tuple[int, ...] = connection.execute(COUNTS).fetchone()
    return found


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found)


def test_whoever_is_logged_in_stays_so_there_and_back(database: Path) -> None:
    """SQLite writes the table anew, and dropping the old one must not take what refers to it."""
    command.upgrade(alembic_config(), "0004")
    assert counts(database) == (1, 1, 1)
    command.downgrade(alembic_config(), BEFORE)
    assert counts(database) == (1, 1, 1)


def test_users_without_an_address_are_not_thrown_away_on_the_way_back(database: Path) -> None:
    command.upgrade(alembic_config(), "0004")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO users (id, created_at, role) VALUES (?, ?, ?)", ("3" * 32, BORN, "admin")
        )
    with pytest.raises(IntegrityError):
        command.downgrade(alembic_config(), BEFORE)
    assert counts(database) == (2, 1, 1)
    assert revision(database) == "0004"


def test_a_row_that_refers_to_nothing_stops_the_migration(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM users")  # this connection does not mind foreign keys
    with pytest.raises(CommandError, match=r"nothing was changed: .* in sessions"):
        command.upgrade(alembic_config(), "0004")
    assert revision(database) == BEFORE
