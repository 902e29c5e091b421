"""What only an operator may do with accounts: promote, demote, disable, enable, log out, sweep.

`python -m app.accounts promote|demote|disable|enable|logout EMAIL-OR-ID`,
`python -m app.accounts sweep`
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from app.accounts import operators
from app.changes import open_changes
from app.database import open_database
from app.layers.logs import configure_logging
from app.layers.validation import Email
from app.redis import open_redis
from app.settings import load_settings_or_exit

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.settings import Settings

ADDRESS: TypeAdapter[str] = TypeAdapter(Email)
"""Reads an address as signing up does, or it would not find the account."""
DONE = {
    "promote": "{who} is an administrator now.",
    "demote": "{who} is an ordinary user now.",
    "disable": "{who} is disabled, and its sessions have ended.",
    "enable": "{who} may log in again.",
    "logout": "All sessions of {who} have ended.",
    "sweep": "Sessions that had run out are deleted.",
}


def _account(text: str) -> str | uuid.UUID:
    """Return the id or the e-mail address that is meant.

    Raises:
        ValueError: it is neither.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        return ADDRESS.validate_python(text)


async def _do(database: AsyncSession, command: str, who: str | uuid.UUID) -> uuid.UUID | None:
    if command == "promote":
        return await operators.set_role(database, who, "admin")
    if command == "demote":
        return await operators.set_role(database, who, "user")
    if command == "disable":
        return await operators.disable(database, who)
    if command == "enable":
        return await operators.enable(database, who)
    return await operators.log_out(database, who)


async def _run(settings: Settings, command: str, who: str | uuid.UUID | None) -> bool:
    async with open_database(settings.database) as database, database.sessions() as session:
        if who is None:
            await operators.sweep(session)
            return True
        changed = await _do(session, command, who)
    if changed is None:
        return False
    async with open_redis(settings.redis) as redis, open_changes(redis) as changes:
        if not await changes.publish(changed):
            seconds = settings.authentication.session_memory_seconds
            sys.stderr.write(f"Redis does not answer: workers may not know for {seconds} s.\n")
    return True


def _parse(arguments: list[str]) -> tuple[str, str | uuid.UUID | None]:
    parser = argparse.ArgumentParser(
        prog="python -m app.accounts",
        description=__doc__.partition("\n")[0],
        epilog="promote makes an administrator, demote takes that back, disable ends all sessions "
        "and refuses new ones until enable, logout ends all sessions, sweep deletes sessions that "
        "have run out (daily).",
    )
    parser.add_argument("command", choices=DONE)
    parser.add_argument("who", nargs="?", default="", help="e-mail address or id; sweep takes none")
    given = parser.parse_args(arguments)
    if (given.command == "sweep") == bool(given.who):
        wants = "nobody" if given.command == "sweep" else "an e-mail address or an id"
        parser.error(f"{given.command} needs {wants}")
    if not given.who:
        return given.command, None
    try:
        return given.command, _account(given.who)
    except ValidationError:
        parser.error(f"this is no e-mail address and no id: {given.who}")


def main(arguments: list[str]) -> int:
    """Run one command; 1 when there is no such account."""
    command, who = _parse(arguments)
    settings = load_settings_or_exit()
    configure_logging(settings.logs)
    if not asyncio.run(_run(settings, command, who)):
        kind = "id" if isinstance(who, uuid.UUID) else "e-mail address"
        sys.stderr.write(f"There is no account with the {kind} {who}.\n")
        return 1
    sys.stdout.write(DONE[command].format(who=who) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
