"""What Alembic runs: the configured database, through the service's own engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from alembic import context
from alembic.util import CommandError
from sqlalchemy import func, select

import app.domains  # noqa: F401 - every model, so that autogenerate sees every table
from app.database import Base, UtcDateTime, create_engine, utc_now
from app.migrations import LOCK
from app.settings import load_settings_or_exit

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.operations import MigrationScript
    from sqlalchemy import Connection


def _render_item(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Write our own type as the migrations name it; Alembic writes everything else."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogenerate.imports.add("from app.database import UtcDateTime")
        return "UtcDateTime()"
    return False


def _name(_context: Any, _revision: Any, directives: list[MigrationScript]) -> None:
    """Give a new revision the moment (UTC) as its id.

    Not a number: those that came with the project are numbered, and a later version of the template
    brings more of them.

    Raises:
        CommandError: it was to be written from the models, and they say nothing new.
    """
    asked = context.config.cmd_opts
    (script,) = directives
    if getattr(asked, "autogenerate", False) and not (
        script.upgrade_ops is None or not script.upgrade_ops.is_empty()
    ):
        raise CommandError("nothing to migrate: is the router in app/domains.py?")
    if getattr(asked, "rev_id", None) is None:
        script.rev_id = utc_now().strftime("%Y%m%d%H%M%S")


def _begin_on_sqlite(connection: Connection) -> None:
    """Let SQLite change a table that others refer to, and take all of it back if a step fails.

    A table that it can't alter is written anew, and dropping the old one would delete every row
    that refers to it (https://www.sqlite.org/lang_altertable.html#otheralter).
    """
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # says nothing once a transaction runs
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_on_sqlite(connection: Connection) -> None:
    """Hold the rows against the foreign keys, which nobody did meanwhile.

    Raises:
        CommandError: a row refers to one that is not there.
    """
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise CommandError(f"nothing was changed: rows would refer to nothing, in {tables}")


def _migrate(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    connection.execution_options(every_owner=True)  # what is migrated is everybody's
    if is_sqlite:
        _begin_on_sqlite(connection)
    else:
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    context.configure(
        connection,
        target_metadata=Base.metadata,
        render_as_batch=True,  # rewrites a table where SQLite can't alter it
        render_item=_render_item,
        process_revision_directives=_name,
    )
    with context.begin_transaction():
        context.run_migrations()
    if is_sqlite:
        _check_on_sqlite(connection)


async def _run() -> None:
    engine = create_engine(load_settings_or_exit().database)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_run())
