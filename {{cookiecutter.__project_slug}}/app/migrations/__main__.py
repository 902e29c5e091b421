"""Bring the configured database up to date."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config


def alembic_config() -> Config:
    """Return Alembic's configuration; the database's URL comes from the settings."""
    config = Config()
    # `%` starts an interpolation in Alembic's configuration, and a folder may hold one.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


if __name__ == "__main__":
    command.upgrade(alembic_config(), "head")
