"""Migrations lead to what the models say, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

import app.domains  # noqa: F401 - every model
from app.database import Base
from app.migrations.__main__ import alembic_config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a database that the settings name and that is not there yet."""
    path = tmp_path / "app.db"
    monkeypatch.chdir(tmp_path)  # no `.env` here
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("DATABASE__URL", f"sqlite+aiosqlite:///{path}")
    return path


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


def test_every_revision_can_be_taken_back(database: Path) -> None:
    command.upgrade(alembic_config(), "head")
    command.downgrade(alembic_config(), "base")
    engine = create_engine(f"sqlite:///{database}")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
