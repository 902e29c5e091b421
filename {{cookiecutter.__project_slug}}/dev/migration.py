"""Writes a migration of what the models say and the database does not have yet.

`make migration NAME=tasks` runs it: makes what `make init` makes, brings the configured database up
to date, and writes the next file of `app/migrations/versions`. Read that file before you trust it;
`make run` and `python -m app.migrations` apply it.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from app.migrations.__main__ import in_one_line
from dev.bootstrap import ROOT, bootstrap

# Stands in the name of the file and in its docstring.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _-]*")


def write_migration(root: Path, name: str) -> Path:
    """Write the migration; return its file.

    Raises:
        CommandError: there is nothing to migrate, or the database can't be brought up to date.
    """
    asked = argparse.Namespace(autogenerate=True, quiet=True)  # as on its command line
    config = Config(root / "alembic.ini", cmd_opts=asked)
    command.upgrade(config, "heads")
    # After an update of the template there may be two ends, its and ours: the new one joins them.
    script = command.revision(config, message=name.strip(), autogenerate=True, head="heads")
    return Path(script.path)  # type: ignore[union-attr]  # several only with several databases


def main(arguments: list[str]) -> int:
    """Write the migration with the name that is given; 1, and a line that says why, if not."""
    name = " ".join(arguments)
    if not NAME.fullmatch(name):
        sys.stderr.write(
            "Say what changes, in letters, digits, spaces, - and _: make migration NAME=tasks\n"
        )
        return 1
    for line in bootstrap(ROOT)[0]:
        print(f"Made {line}")
    try:
        path = write_migration(ROOT, name)
    except CommandError as error:
        sys.stderr.write(f"{in_one_line(error)}\n")
        return 1
    print(f"Wrote {path.relative_to(ROOT)}. Read it; `make run` applies it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
