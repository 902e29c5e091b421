"""`python -m app.accounts promote|disable EMAIL` and `sweep`: what only an operator may do."""

from __future__ import annotations

import argparse
import asyncio
import sys

from app.accounts import service
from app.database import open_database
from app.settings import load_settings


async def _run(command: str, email: str) -> bool:
    async with open_database(load_settings().database) as database, database.sessions() as session:
        if command == "promote":
            return await service.set_role(session, email, "admin")
        if command == "demote":
            return await service.set_role(session, email, "user")
        if command == "disable":
            return await service.disable(session, email)
        await service.sweep(session)
        return True


def main() -> int:
    """Run one command; 1 when there is no such account."""
    parser = argparse.ArgumentParser(prog="python -m app.accounts", description=__doc__)
    parser.add_argument("command", choices=["promote", "demote", "disable", "sweep"])
    parser.add_argument("email", nargs="?", default="")
    given = parser.parse_args()
    if given.command != "sweep" and not given.email:
        parser.error(f"{given.command} needs an e-mail address")
    if not asyncio.run(_run(given.command, given.email.casefold())):
        sys.stderr.write("There is no account with this e-mail address.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
