"""Migrations lead to what the models say, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

import app.domains  # noqa: F401 - every model
from app.database import Base
from app.migrations.__main__ import alembic_config, main
from tests.in_process import named_database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a database that the settings name and that is not there yet."""
    return named_database(tmp_path, monkeypatch)


def differences(path: Path) -> list[Any]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = list(compare_metadata(MigrationContext.configure(connection), Base.metadata))
    engine.dispose()
    return found


def test_the_newest_revision_is_what_the_models_say(database: Path) -> None:
    command.upgrade(alembic_config(), "head")
    assert differences(database) == []


def test_migrating_twice_changes_nothing(database: Path) -> None:
    command.upgrade(alembic_config(), "head")
    command.upgrade(alembic_config(), "head")
    assert differences(database) == []


def test_a_database_from_another_time_is_one_clear_line(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(alembic_config(), "head")
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    engine.dispose()
    assert main() == 1
    told = capsys.readouterr().err
    assert told.startswith("the database is at revision 0999, which is not in app/migrations")
    assert told.count("\n") == 1


def test_settings_that_can_not_be_used_are_one_clear_line(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABSE__POOL_SIZE", "7")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "DATABSE__POOL_SIZE: no such setting; did you mean DATABASE__POOL_SIZE?\n"
    )
    assert not database.exists()


def test_every_revision_can_be_taken_back(database: Path) -> None:
    command.upgrade(alembic_config(), "head")
    command.downgrade(alembic_config(), "base")
    engine = create_engine(f"sqlite:///{database}")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
