"""The database's history, as Alembic revisions. `python -m app.migrations` brings it up to date."""

from __future__ import annotations

LOCK = 4_715_286_013_794_520_866
"""Names the lock that a migration of PostgreSQL holds: of two at once, the second waits, and finds
nothing left to do. SQLite lets one write at a time anyway."""
