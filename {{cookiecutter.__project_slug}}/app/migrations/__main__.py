"""Bring the configured database up to date: `python -m app.migrations`."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script.revision import ResolutionError
from alembic.util import CommandError


def alembic_config() -> Config:
    """Return Alembic's configuration; the database's URL comes from the settings."""
    config = Config()
    # `%` starts an interpolation in Alembic's configuration, and a folder may hold one.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def in_one_line(error: CommandError) -> str:
    """Return what keeps Alembic from working, and what to do where we know it."""
    if isinstance(error.__cause__, ResolutionError):
        return (
            f"the database is at revision {error.__cause__.argument}, which is not in "
            "app/migrations/versions: take it back with the code that migrated it, or name an "
            "empty database in DATABASE__URL (in development: remove var/app.db*)"
        )
    return " ".join(str(error).split())


def broken_chain(error: KeyError) -> str:
    """Return which migration is missed, and what brings the others together again."""
    return (
        f"a migration follows {error}, which is not in app/migrations/versions: "
        "where the samples were removed before an update, `make remove-samples` removes them again"
    )


def main() -> int:
    """Bring it up to date; 1, and a line that says why, when that can't be done."""
    try:
        command.upgrade(alembic_config(), "heads")  # the project's own, and those it came with
    except CommandError as error:
        sys.stderr.write(f"{in_one_line(error)}\n")
        return 1
    except KeyError as error:  # Alembic's own for a chain that is broken
        sys.stderr.write(f"{broken_chain(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
