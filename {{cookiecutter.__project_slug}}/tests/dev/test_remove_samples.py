"""`make remove-samples`: what is left is whole, and nothing of the user's own is lost."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from app.migrations.__main__ import alembic_config
from app.settings import load_settings
from dev.remove_samples import SAMPLES, remove_samples
from dev.sample_tables import VERSIONS, CannotRemoveError, drop_sample_tables
from tests.databases import POSTGRESQL, in_database, name_database

if TYPE_CHECKING:
    from tests.databases import Databases

ROOT = Path(__file__).resolve().parents[2]
UNWANTED = shutil.ignore_patterns(".*", "__pycache__", "var")
NAMED = re.compile(r"`((?:app|tests|dev|edge|docs)/[^`:*…{}\s]*)")
OWN = '''"""Tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("tasks", sa.Column("notes", sa.Text()), sa.Column("files", sa.Text()))


def downgrade() -> None:
    op.drop_table("tasks")
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a copy of this project."""
    return shutil.copytree(ROOT, tmp_path / "project", ignore=UNWANTED)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the configured database, which is not there yet."""
    path = tmp_path / "app.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("DATABASE__URL", f"sqlite+aiosqlite:///{path}")
    return path


def config_of(root: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(root / "app/migrations"))
    return config


def state(path: Path) -> tuple[str, set[str]]:
    """Return the revision and the tables of a database."""
    with closing(sqlite3.connect(path)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return revision, {name for (name,) in rows} - {"alembic_version"}


ACCOUNTS = {"users", "sessions", "refresh_tokens"}


def names_of_nothing(root: Path) -> list[str]:
    """Return what stands in backticks like a path of this project and is none."""
    files = sorted([*root.rglob("*.md"), *root.rglob("*.py")])
    return [
        f"{path.relative_to(root)}: {name}"
        for path in files
        for name in NAMED.findall(path.read_text("utf-8"))
        if not (root / name).exists()
    ]


def test_no_path_is_named_that_is_not_there_with_or_without_the_samples(root: Path) -> None:
    assert names_of_nothing(root) == []
    assert remove_samples(root) == list(SAMPLES)
    assert names_of_nothing(root) == []


def test_no_document_speaks_of_them_any_more(root: Path) -> None:
    remove_samples(root)
    spoken = re.compile(r"remove-samples|/notes\b|api/v1/files|of_notes|# sample")
    for path in (root / "README.md", *root.glob("docs/*.md"), *root.glob("app/*.py")):
        assert not spoken.search(path.read_text("utf-8")), path


def test_layer_9_is_proven_by_what_is_left(root: Path) -> None:
    remove_samples(root)
    for page, row in (("README.md", "| 9 | Uploads |"), ("docs/threat-model.md", "| 9 Uploads |")):
        lines = (root / page).read_text("utf-8").splitlines()
        (found,) = [line for line in lines if line.startswith(row)]
        assert found.endswith("| `tests/layers/test_uploads_content.py` |")


def test_removing_them_again_changes_nothing(root: Path) -> None:
    remove_samples(root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    assert remove_samples(root) == []
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("line", "chained"),
    [
        ('down_revision = "0005"', 'down_revision = "0004"'),
        ('down_revision = "0006"', 'down_revision = "0006"'),
        ("down_revision: str | None = '0003'  # why", 'down_revision: str | None = "0001"  # why'),
    ],
)
def test_a_migration_of_ones_own_follows_on_the_accounts(
    root: Path, line: str, chained: str
) -> None:
    own = root / VERSIONS / "0007_tasks.py"
    own.write_text(OWN.replace('down_revision = "0006"', line), "utf-8")
    remove_samples(root)
    assert own.read_text("utf-8") == OWN.replace('down_revision = "0006"', chained)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({'"0006"': '("0005", "0001")'}, "joins a sample's revision"),
        ({'"0006"': '"0001"', "on = None": 'on = "0002"'}, "joins a sample's revision"),
        ({"sa.Text())": 'sa.Text(), sa.ForeignKey("notes.id"))'}, "works on the table notes"),
        ({'"tasks"': '"files"'}, "works on the table files"),
    ],
)
def test_a_migration_that_needs_them_keeps_all_as_it_is(
    root: Path, changes: dict[str, str], told: str
) -> None:
    text = OWN
    for old, new in changes.items():
        text = text.replace(old, new)
    (root / VERSIONS / "0007_tasks.py").write_text(text, "utf-8")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    with pytest.raises(CannotRemoveError, match=rf"^{VERSIONS}/0007_tasks\.py {told}"):
        remove_samples(root)
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_later_migrations_with_the_same_numbers_are_not_taken_for_samples(
    root: Path, database: Path
) -> None:
    remove_samples(root)
    for number, before in (("0002", "0006"), ("0003", "0002")):
        text = OWN.replace('"0006"', f'"{before}"').replace('"0007"', f'"{number}"')
        own = root / VERSIONS / f"{number}_tasks.py"
        own.write_text(text.replace('"tasks"', f'"tasks_{number}"'), "utf-8")
    command.upgrade(config_of(root), "head")
    tables = ACCOUNTS | {"tasks_0002", "tasks_0003"}
    assert not drop_sample_tables(load_settings().database, config_of(root))
    assert remove_samples(root) == []
    assert state(database) == ("0003", tables)


@pytest.mark.parametrize(
    ("revision", "kept"),
    [("0002", "0001"), ("0003", "0001"), ("0004", "0004"), ("0005", "0004"), ("0006", "0006")],
)
def test_the_embedded_database_goes_back_to_the_accounts(
    database: Path, revision: str, kept: str
) -> None:
    command.upgrade(alembic_config(), revision)
    assert drop_sample_tables(load_settings().database, alembic_config())
    assert state(database) == (kept, ACCOUNTS)
    assert not drop_sample_tables(load_settings().database, alembic_config())


def test_tables_of_ones_own_stay(root: Path, database: Path) -> None:
    (root / VERSIONS / "0007_tasks.py").write_text(OWN, "utf-8")
    command.upgrade(config_of(root), "head")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO tasks (notes) VALUES ('mine')")
    assert drop_sample_tables(load_settings().database, config_of(root))
    remove_samples(root)
    command.upgrade(config_of(root), "head")
    assert state(database) == ("0007", ACCOUNTS | {"tasks"})
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT notes FROM tasks").fetchall() == [("mine",)]


def test_a_database_that_is_not_there_is_not_made(database: Path) -> None:
    assert not drop_sample_tables(load_settings().database, alembic_config())
    assert not database.exists()


def test_another_database_is_not_touched(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases.migrated(POSTGRESQL) as url:
        name_database(url, tmp_path, monkeypatch)
        told = r"only the embedded one .*alembic downgrade 0001"
        with pytest.raises(CannotRemoveError, match=told):
            drop_sample_tables(load_settings().database, alembic_config())
        left = in_database(url, lambda connection: inspect(connection).get_table_names())
        assert {"notes", "files", "comments"} <= set(left)


def test_a_database_that_can_not_be_read_is_one_line(database: Path) -> None:
    database.write_bytes(b"no database at all" * 100)
    with pytest.raises(CannotRemoveError, match=r"^the database of DATABASE__URL can't be read "):
        drop_sample_tables(load_settings().database, alembic_config())


def test_what_is_left_brings_its_database_up_to_date(root: Path, database: Path) -> None:
    command.upgrade(alembic_config(), "head")
    for module in ("dev.remove_samples", "app.migrations"):
        done = subprocess.run(  # noqa: S603 - a command of our own
            [sys.executable, "-m", module], cwd=root, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert state(database) == ("0006", ACCOUNTS)
