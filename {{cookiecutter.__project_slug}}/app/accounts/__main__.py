"""What only an operator may do with accounts: promote, demote or disable one, sweep what ran out.

`python -m app.accounts promote|demote|disable EMAIL`, `python -m app.accounts sweep`
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from pydantic import TypeAdapter, ValidationError

from app.accounts import service
from app.database import open_database
from app.layers.validation import Email
from app.settings import load_settings_or_exit

ADDRESS: TypeAdapter[str] = TypeAdapter(Email)
"""Reads an address as signing up does, or it would not find the account."""
DONE = {
    "promote": "{email} is an administrator now.",
    "demote": "{email} is an ordinary user now.",
    "disable": "{email} is disabled, and its sessions have ended.",
    "sweep": "Sessions that had run out are deleted.",
}


async def _run(command: str, email: str) -> bool:
    settings = load_settings_or_exit()
    async with open_database(settings.database) as database, database.sessions() as session:
        if command == "promote":
            return await service.set_role(session, email, "admin")
        if command == "demote":
            return await service.set_role(session, email, "user")
        if command == "disable":
            return await service.disable(session, email)
        await service.sweep(session)
        return True


def main(arguments: list[str]) -> int:
    """Run one command; 1 when there is no such account."""
    parser = argparse.ArgumentParser(
        prog="python -m app.accounts",
        description=__doc__.partition("\n")[0],
        epilog="promote makes an administrator, demote takes that back, disable ends all sessions "
        "and refuses new ones, sweep deletes sessions that have run out (daily).",
    )
    parser.add_argument("command", choices=DONE)
    parser.add_argument("email", nargs="?", default="", help="whose account; sweep takes none")
    given = parser.parse_args(arguments)
    if (given.command == "sweep") == bool(given.email):
        wants = "no" if given.command == "sweep" else "an"
        parser.error(f"{given.command} needs {wants} e-mail address")
    email = ""
    if given.email:
        try:
            email = ADDRESS.validate_python(given.email)
        except ValidationError:
            parser.error(f"this is no e-mail address: {given.email}")
    if not asyncio.run(_run(given.command, email)):
        sys.stderr.write(f"There is no account with the e-mail address {email}.\n")
        return 1
    sys.stdout.write(DONE[given.command].format(email=email) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
