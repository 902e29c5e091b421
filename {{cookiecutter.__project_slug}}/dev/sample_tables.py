"""What `make remove-samples` does to the database and to the chain of migrations."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from app.database import create_engine
from app.migrations.__main__ import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config
    from sqlalchemy import Connection

    from app.database import DatabaseSettings

VERSIONS = "app/migrations/versions"
MIGRATIONS = ("0002_notes.py", "0003_files.py", "0005_comments.py")
BEFORE = "0001"
"""The revision that the first of the samples' follows on."""
TABLES = {name[:4]: name[5:].removesuffix(".py") for name in MIGRATIONS}
"""What each of them makes; it is named for it."""


class CannotRemoveError(Exception):
    """Something needs the samples. The message is one line, for the person at the screen."""


def _sample_revisions(versions: Path) -> dict[str, str]:
    """Return those that are still there, each with the one that it follows on.

    They are known by their files: a later 0002 is the user's own.
    """
    found = {}
    for name in MIGRATIONS:
        if (versions / name).is_file():
            values = dict(_assigned(ast.parse((versions / name).read_text(encoding="utf-8"))))
            found[name[:4]] = _text(values["down_revision"]) or BEFORE
    return found


def _without(samples: dict[str, str], revision: str) -> str:
    """Return the newest revision that stays, from this one on backwards."""
    while revision in samples:
        revision = samples[revision]
    return revision


# --- Migrations of the user's own -----------------------------------------------------------------


def chain_without_samples(root: Path) -> dict[Path, str]:
    """Return the files that follow on a sample's revision, as they read when they follow on ours.

    Raises:
        CannotRemoveError: one needs the samples in another way; with its name.
    """
    samples = _sample_revisions(root / VERSIONS)
    chained = {}
    for path in sorted((root / VERSIONS).glob("*.py")) if samples else ():
        if path.name in MIGRATIONS:
            continue
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        for table in sorted(set(TABLES.values()) & set(_tables(tree))):
            raise CannotRemoveError(
                f"{VERSIONS}/{path.name} works on the table {table}: change that by hand first"
            )
        values = dict(_assigned(tree))
        follows = values.get("down_revision")
        if follows is not None and _text(follows) in samples:
            lines = source.splitlines(keepends=True)
            old = ast.get_source_segment(source, follows) or ""
            new = _without(samples, _text(follows) or BEFORE)
            lines[follows.lineno - 1] = lines[follows.lineno - 1].replace(old, f'"{new}"')
            chained[path] = "".join(lines)
        elif samples.keys() & {*_texts(follows), *_texts(values.get("depends_on"))}:
            raise CannotRemoveError(
                f"{VERSIONS}/{path.name} joins a sample's revision: change that by hand first"
            )
    return chained


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and value is not None:
            yield target.id, value


def _tables(tree: ast.Module) -> Iterator[str]:
    """Return the tables that it names: in a foreign key, or as what an operation works on."""
    for text in _texts(tree):
        if column := re.fullmatch(r"(\w+)\.\w+", text):
            yield column[1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            if isinstance(of, ast.Name) and of.id == "op":
                # The name of an index or of a constraint comes before that of its table.
                yield from filter(None, map(_text, node.args[:2]))


def _texts(tree: ast.AST | None) -> Iterator[str]:
    for node in ast.walk(tree) if tree is not None else ():
        if (text := _text(node)) is not None:
            yield text


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


# --- The database ---------------------------------------------------------------------------------


def drop_sample_tables(settings: DatabaseSettings, config: Config) -> bool:
    """Drop the samples' tables from the embedded database; return whether there were any.

    Tables of the user's own, and all that is in them, stay.

    Raises:
        CannotRemoveError: it is another database and has them, or it can't be read or changed.
    """
    if not _sample_revisions(Path(ScriptDirectory.from_config(config).versions)):
        return False
    path = make_url(settings.url.get_secret_value()).database
    if settings.is_sqlite and not (path and Path(path).is_file()):
        return False
    try:
        return asyncio.run(_drop_in(settings, config))
    except CommandError as error:
        raise CannotRemoveError(in_one_line(error)) from error
    except (SQLAlchemyError, OSError) as error:
        raise CannotRemoveError(
            "the database of DATABASE__URL can't be read or changed "
            f"({type(error).__name__}): start it, or end what uses it"
        ) from error


async def _drop_in(settings: DatabaseSettings, config: Config) -> bool:
    engine = create_engine(settings)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_drop, config, may_change=settings.is_sqlite)
    finally:
        await engine.dispose()


def _drop(connection: Connection, config: Config, *, may_change: bool) -> bool:
    script = ScriptDirectory.from_config(config)
    context = MigrationContext.configure(connection)
    current = context.get_current_revision()
    history = list(script.iterate_revisions(current, "base")) if current else []
    samples = _sample_revisions(Path(script.versions))
    there = set(inspect(connection).get_table_names())
    applied = [one for one in history if one.revision in samples and TABLES[one.revision] in there]
    if applied and not may_change:
        raise CannotRemoveError(
            "the database of DATABASE__URL has the samples' tables, and only the embedded one is "
            f"changed here: .venv/bin/alembic downgrade {BEFORE} takes back all that came after"
        )
    with Operations.context(context):
        for revision in applied:  # the newest first
            revision.module.downgrade()
    if current in samples:
        context.stamp(script, _without(samples, current))
    return bool(applied)
