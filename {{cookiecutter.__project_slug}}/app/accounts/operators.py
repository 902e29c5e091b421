"""What only an operator does with accounts. Every function commits, and says whom it changed.

Whoever calls one tells the workers, who may remember otherwise (`app/changes.py`).
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from app.accounts.models import Session, User
from app.accounts.sessions import end_sessions
from app.database import utc_now
from app.layers.logs import Event, account_hash, log_event

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

SWEPT_AFTER = timedelta(hours=1)
"""So that no refresh is under way in a session that is deleted: on PostgreSQL each would wait for
the other."""


def _named(who: str | uuid.UUID) -> ColumnElement[bool]:
    """Return the condition for the account with this e-mail address or id."""
    return User.id == who if isinstance(who, uuid.UUID) else User.email == who


async def set_role(database: AsyncSession, who: str | uuid.UUID, role: str) -> uuid.UUID | None:
    """Give an account a role; return its id, or None when there is no such account."""
    found = await database.scalar(
        update(User).where(_named(who)).values(role=role).returning(User.id)
    )
    await database.commit()
    if found is not None:
        log_event(Event.AUTHZ_CHANGE, user=str(found), role=role)
    return found


async def disable(database: AsyncSession, who: str | uuid.UUID) -> uuid.UUID | None:
    """Disable an account and end all its sessions; return its id, or None when there is none.

    The account first: a login under way is held against it, and either sees that it is disabled or
    is over by then, and its session is among those that end.
    """
    found = await database.scalar(
        update(User)
        .where(_named(who))
        .values(disabled_at=func.coalesce(User.disabled_at, utc_now()))
        .returning(User.id)
    )
    if found is not None:
        await end_sessions(database, found)
    await database.commit()
    if found is not None:
        log_event(Event.USER_DISABLED, user=str(found))
    return found


async def enable(database: AsyncSession, who: str | uuid.UUID) -> uuid.UUID | None:
    """Let a disabled account log in again; return its id, or None when there is none."""
    found = await database.scalar(
        update(User).where(_named(who)).values(disabled_at=None).returning(User.id)
    )
    await database.commit()
    if found is not None:
        log_event(Event.USER_ENABLED, user=str(found))
    return found


async def log_out(database: AsyncSession, who: str | uuid.UUID) -> uuid.UUID | None:
    """End all sessions of an account; return its id, or None when there is none."""
    found = await database.scalar(select(User.id).where(_named(who)))
    if found is not None:
        await end_sessions(database, found)
    await database.commit()
    if found is not None:
        log_event(Event.AUTHN_LOGOUT, user=str(found), sessions="all")
    return found


async def log_out_all(database: AsyncSession) -> None:
    """End every session there is: whoever has the signing key can make any of them last."""
    now = utc_now()
    await database.execute(
        update(Session).where(Session.revoked_at.is_(None)).values(revoked_at=now)
    )
    await database.commit()
    log_event(Event.AUTHN_LOGOUT, sessions="of all accounts")


async def find_by_hash(database: AsyncSession, wanted: str) -> User | None:
    """Return the account that stands in the log as this `user.hash`; None when there is none."""
    async for user in await database.stream_scalars(select(User).execution_options(yield_per=1000)):
        if account_hash(str(user.id)) == wanted:
            return user
    return None


async def sweep(database: AsyncSession) -> None:
    """Delete sessions that ran out an hour ago, and their refresh tokens with them.

    Used tokens of a session that lives stay: it is by them that a thief is found.
    """
    await database.execute(delete(Session).where(Session.expires_at <= utc_now() - SWEPT_AFTER))
    await database.commit()
