"""`make migration`: what it writes runs, passes the checks and is named by its moment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    create_engine,
    inspect,
)

from app.database import Base, UtcDateTime, utc_now
from app.migrations.__main__ import alembic_config
from dev import migration
from dev.migration import write_migration
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = "app/migrations/versions"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the application, in a path with a space and an umlaut."""
    root = tmp_path / "neue häuser"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "app", root / "app", ignore=unwanted)
    for name in ("alembic.ini", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("RUFF_NO_CACHE", "true")
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("DATABASE__URL", f"sqlite+aiosqlite:///{tmp_path}/app.db")
    return root


@pytest.fixture
def tasks() -> Iterator[None]:
    """Add a model to those there are."""
    table = Table(
        "tasks",
        Base.metadata,
        Column("id", Uuid(), primary_key=True),
        Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        Column("title", String(200), nullable=False),
        Column("due_at", UtcDateTime(), nullable=True),
        Index("ix_tasks_owner_due", "owner_id", "due_at", "id"),
    )
    yield
    Base.metadata.remove(table)


def only_one_of_our_own(root: Path) -> Path:
    """Return the migration that was not there before, named by its moment."""
    (path,) = (root / VERSIONS).glob("20*.py")
    return path


def ruff(*arguments: str, root: Path) -> None:
    done = subprocess.run(  # noqa: S603 - a command of our own
        [sys.executable, "-m", "ruff", *arguments, VERSIONS],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("tasks")
def test_a_new_model_becomes_the_next_migration_and_it_runs(root: Path, tmp_path: Path) -> None:
    path = write_migration(root, "tasks")
    assert path == only_one_of_our_own(root)
    moment, name = path.stem.split("_")
    assert (len(moment), name) == (14, "tasks")
    text = path.read_text("utf-8")
    assert text.startswith('"""Tasks."""\n')
    assert f'revision = "{moment}"' in text
    assert "from app.database import UtcDateTime\n" in text
    assert 'sa.Column("due_at", UtcDateTime(), nullable=True)' in text
    ruff("check", root=root)
    ruff("format", "--check", root=root)
    config = Config(root / "alembic.ini")
    command.upgrade(config, "head")
    engine = create_engine(f"sqlite:///{tmp_path}/app.db")
    assert {column["name"] for column in inspect(engine).get_columns("tasks")} >= {"due_at"}
    engine.dispose()
    command.downgrade(config, "-1")


def test_nothing_new_is_said_and_nothing_written(root: Path) -> None:
    before = set((root / VERSIONS).iterdir())
    with pytest.raises(CommandError, match=r"^nothing to migrate: is the router in app/domains"):
        write_migration(root, "nothing")
    assert {path for path in (root / VERSIONS).iterdir() if path.suffix == ".py"} <= before


@pytest.mark.usefixtures("tasks")
def test_one_that_the_template_brings_later_and_our_own_both_run_and_are_joined(
    root: Path, tmp_path: Path
) -> None:
    ours = write_migration(root, "tasks")
    config = Config(root / "alembic.ini")
    command.upgrade(config, "heads")
    newest = max((root / VERSIONS).glob("0*.py")).name[:4]
    theirs = f"{int(newest) + 1:04}"
    (root / VERSIONS / f"{theirs}_more.py").write_text(
        f'"""More."""\n\nfrom alembic import op\n\nrevision = "{theirs}"\n'
        f'down_revision = "{newest}"\n\n\ndef upgrade() -> None:\n'
        '    op.execute("CREATE TABLE more (id INTEGER)")\n',
        "utf-8",
    )
    command.upgrade(Config(root / "alembic.ini"), "heads")
    engine = create_engine(f"sqlite:///{tmp_path}/app.db")
    assert {"tasks", "more"} <= set(inspect(engine).get_table_names())
    engine.dispose()
    # The next one has to have its own second.
    wait_until(lambda: utc_now().strftime("%Y%m%d%H%M%S") > ours.name[:14], "the next second")
    Base.metadata.tables["tasks"].append_column(Column("done_at", UtcDateTime(), nullable=True))
    Table("more", Base.metadata, Column("id", Integer()))
    try:
        text = write_migration(root, "done").read_text("utf-8")
    finally:
        Base.metadata.remove(Base.metadata.tables["more"])
    assert f'down_revision = ("{theirs}", "{ours.name[:14]}")' in text
    command.upgrade(Config(root / "alembic.ini"), "head")  # one end again


def test_a_revision_by_hand_is_named_by_its_moment_and_may_be_empty(root: Path) -> None:
    command.revision(Config(root / "alembic.ini"), message="Move data.")
    text = only_one_of_our_own(root).read_text("utf-8")
    assert text.startswith('"""Move data."""\n')
    ruff("check", root=root)
    ruff("format", "--check", root=root)


@pytest.mark.parametrize("arguments", [[], [""], ["0001"], ['x"""'], ["../x"], ["a\nb"]])
def test_a_name_that_is_none_is_one_clear_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "bootstrap", pytest.fail)
    assert migration.main(arguments) == 1
    told = capsys.readouterr().err
    assert told.endswith("make migration NAME=tasks\n")
    assert told.count("\n") == 1


def test_a_failure_is_one_clear_line(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "ROOT", root)
    monkeypatch.setattr(migration, "bootstrap", lambda _root: (["a key"], None))
    command.upgrade(alembic_config(), "head")
    assert migration.main(["tasks"]) == 1
    said = capsys.readouterr()
    assert said.err == "nothing to migrate: is the router in app/domains.py?\n"
    assert said.out == "Made a key\n"


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (("NAME=add tasks",), '"$NAME"'),
        ((), ""),
    ],
)
def test_make_passes_on_the_name_of_its_command_line_only(
    words: tuple[str, ...], given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "the-machines-own")
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run(  # noqa: S603 - a command of our own
        ["make", "--dry-run", "--old-file=.venv/.stamp", "migration", *words],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().endswith(f"-m dev.migration {given}".strip())
