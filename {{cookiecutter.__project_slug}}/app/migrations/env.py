"""What Alembic runs: the configured database, through the service's own engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from alembic import context

import app.domains  # noqa: F401 - every model, so that autogenerate sees every table
from app.database import Base, create_engine
from app.settings import load_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _migrate(connection: Connection) -> None:
    # Batch mode rewrites a table where SQLite can't alter it.
    context.configure(connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    engine = create_engine(load_settings().database)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


asyncio.run(_run())
