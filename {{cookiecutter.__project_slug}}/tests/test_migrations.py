"""Migrations lead to what the models say, and back, on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

import app.domains  # noqa: F401 - every model
from app.database import Base, utc_now
from app.migrations import LOCK
from app.migrations.__main__ import alembic_config, main
from tests.databases import POSTGRESQL, in_database, name_database
from tests.gate import gate

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.databases import Databases
    from tests.postgres import PostgresServer

FIRST = "0001"
"""The accounts' first revision."""


@pytest.fixture
def database(empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty database that the settings name."""
    name_database(empty_database_url, tmp_path, monkeypatch)
    return empty_database_url


def tables(url: str) -> list[str]:
    return in_database(url, lambda connection: inspect(connection).get_table_names())


def differences(url: str) -> list[Any]:
    def compare(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    return in_database(url, compare)


def insert(url: str, **columns: str | None) -> None:
    """Put somebody in who is logged in, as signing up and logging in would."""

    def work(connection: Connection) -> None:
        columns.setdefault("email", "ann@example.com")
        given = {"password_hash": "x", "role": "admin"} | columns
        user = uuid.uuid4()
        connection.execute(users.insert().values(id=user, **given))
        connection.execute(
            sessions.insert().values(id=uuid.uuid4(), user_id=user, expires_at=utc_now())
        )

    users, sessions = Base.metadata.tables["users"], Base.metadata.tables["sessions"]
    in_database(url, work)


def counts(url: str) -> tuple[Any, ...]:
    query = text("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions)")
    return tuple(in_database(url, lambda connection: connection.execute(query).one()))


def test_the_newest_revision_is_what_the_models_say(database: str) -> None:
    command.upgrade(alembic_config(), "head")
    assert differences(database) == []


def test_migrating_twice_changes_nothing(database: str) -> None:
    command.upgrade(alembic_config(), "head")
    command.upgrade(alembic_config(), "head")
    assert differences(database) == []


def test_a_database_from_another_time_is_one_clear_line(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(alembic_config(), "head")
    later = text("UPDATE alembic_version SET version_num = '0999'")
    in_database(database, lambda connection: connection.execute(later))
    assert main() == 1
    told = capsys.readouterr().err
    assert told.startswith("the database is at revision 0999, which is not in app/migrations")
    assert told.count("\n") == 1


def test_settings_that_can_not_be_used_are_one_clear_line(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABSE__POOL_SIZE", "7")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "DATABSE__POOL_SIZE: no such setting; did you mean DATABASE__POOL_SIZE?\n"
    )
    assert tables(database) == []


def test_every_revision_can_be_taken_back(database: str) -> None:
    command.upgrade(alembic_config(), "head")
    command.downgrade(alembic_config(), "base")
    assert tables(database) == ["alembic_version"]


def test_whoever_is_logged_in_stays_so_up_and_down_all_revisions(database: str) -> None:
    command.upgrade(alembic_config(), FIRST)
    insert(database)
    command.upgrade(alembic_config(), "head")
    assert counts(database) == (1, 1)
    command.downgrade(alembic_config(), FIRST)
    assert counts(database) == (1, 1)


def test_a_session_that_was_for_less_is_not_for_more_after_going_down_and_up(database: str) -> None:
    command.upgrade(alembic_config(), "head")
    insert(database)
    some = text("UPDATE sessions SET scope = 'account'")
    in_database(database, lambda connection: connection.execute(some))
    command.downgrade(alembic_config(), FIRST)
    command.upgrade(alembic_config(), "head")
    alive = text("SELECT count(*) FROM sessions WHERE revoked_at IS NULL")
    assert in_database(database, lambda connection: connection.execute(alive).scalar()) == 0


def test_a_migration_that_fails_on_the_way_changes_nothing(database: str) -> None:
    """A user without an address is another issuer's; the first revisions have no place for it."""
    command.upgrade(alembic_config(), "head")
    insert(database, email=None)
    with pytest.raises(IntegrityError):
        command.downgrade(alembic_config(), FIRST)
    assert counts(database) == (1, 1)
    assert differences(database) == []


def test_of_two_that_migrate_at_once_one_waits(
    databases: Databases, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As instances do that are started together; SQLite lets one write at a time anyway."""
    with databases.empty(POSTGRESQL) as url:
        name_database(url, tmp_path, monkeypatch)
        with gate(postgres, url, f"SELECT pg_advisory_xact_lock({LOCK})", 1):
            command.upgrade(alembic_config(), "head")
        assert differences(url) == []
