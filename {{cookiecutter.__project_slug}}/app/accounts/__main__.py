"""What only an operator may do with accounts: give them roles, disable, log out, find, sweep.

`python -m app.accounts promote|demote|disable|enable|logout EMAIL-OR-ID`,
`python -m app.accounts logout --all`, `python -m app.accounts who HASH`,
`python -m app.accounts sweep`
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from functools import partial
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import DBAPIError

from app.accounts import operators
from app.changes import open_changes
from app.database import open_database
from app.layers.logs import configure_logging
from app.layers.validation import Email
from app.redis import open_redis
from app.settings import load_settings_or_exit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
    "logout --all": "All sessions of all accounts have ended.",
    "who": "",
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


CHANGES: dict[str, Callable[[AsyncSession, str | uuid.UUID], Awaitable[uuid.UUID | None]]] = {
    "promote": partial(operators.set_role, role="admin"),
    "demote": partial(operators.set_role, role="user"),
    "disable": operators.disable,
    "enable": operators.enable,
    "logout": operators.log_out,
}
"""What changes one account, and returns its id, or None when there is none."""


async def _tell(settings: Settings, changed: uuid.UUID | None) -> None:
    """Tell the workers of one account, or with None of all, and say so if they can't be told."""
    async with open_redis(settings.redis) as redis, open_changes(redis) as changes:
        told = await (changes.publish_everything() if changed is None else changes.publish(changed))
        if redis is None or not told:
            why = "REDIS__URL is not set here" if redis is None else "Redis does not answer"
            seconds = settings.authentication.session_memory_seconds
            sys.stderr.write(f"{why}: workers may not know for {seconds} s.\n")


async def _run(settings: Settings, command: str, who: str | uuid.UUID | None) -> str | None:
    """Return what to say; None when there is no such account."""
    async with open_database(settings.database) as database, database.sessions() as session:
        if command == "sweep":
            await operators.sweep(session)
            return DONE[command]
        if command == "logout --all":
            await operators.log_out_all(session)
            await _tell(settings, None)
            return DONE[command]
        if command == "who":
            found = await operators.find_by_hash(session, str(who))
            return None if found is None else f"{found.id} {found.email or '(no e-mail address)'}"
        changed = None if who is None else await CHANGES[command](session, who)
    if changed is None:
        return None
    await _tell(settings, changed)
    return DONE[command].format(who=who)


def _parse(arguments: list[str]) -> tuple[str, str | uuid.UUID | None]:
    parser = argparse.ArgumentParser(
        prog="python -m app.accounts",
        description=__doc__.partition("\n")[0],
        epilog="promote makes an administrator, demote takes that back, disable ends all sessions "
        "and refuses new ones until enable, logout ends all sessions, who says whose hash stands "
        "in the log, sweep deletes sessions that have run out (daily).",
    )
    parser.add_argument("command", choices=[name for name in DONE if " " not in name])
    parser.add_argument(
        "who", nargs="?", default="", help="e-mail address or id; who takes a user.hash"
    )
    parser.add_argument("--all", action="store_true", help="logout: of every account")
    given = parser.parse_args(arguments)
    if given.all and given.command != "logout":
        parser.error("--all is for logout only")
    if (given.command == "sweep" or given.all) == bool(given.who):
        wants = "nobody" if given.who else "an e-mail address or an id"
        parser.error(f"{given.command} needs {wants}")
    if not given.who:
        return (f"{given.command} --all" if given.all else given.command), None
    if given.command == "who":
        return given.command, given.who
    try:
        return given.command, _account(given.who)
    except ValidationError:
        parser.error(f"this is no e-mail address and no id: {given.who}")


def main(arguments: list[str]) -> int:
    """Run one command; 1 when there is no such account, or no database to ask."""
    command, who = _parse(arguments)
    settings = load_settings_or_exit()
    configure_logging(settings.logs)
    try:
        said = asyncio.run(_run(settings, command, who))
    except DBAPIError as error:
        sys.stderr.write(f"The database of DATABASE__URL can't do that: {error.orig}\n")
        return 1
    if said is None:
        kind = "id" if isinstance(who, uuid.UUID) else "e-mail address"
        kind = "hash" if command == "who" else kind
        sys.stderr.write(f"There is no account with the {kind} {who}.\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
