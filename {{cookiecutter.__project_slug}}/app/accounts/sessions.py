"""Sessions in the database: how one begins, what its tokens are good for, and how all end."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import update

from app.accounts.models import RefreshToken, Session, User
from app.accounts.schemas import Tokens
from app.database import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from app.layers.authentication import Authentication, AuthenticationSettings, Sessions


class Ids(NamedTuple):
    """A session and its user, as a token names them."""

    user_id: uuid.UUID
    session_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Issuer:
    """What begins, renews and ends sessions works with."""

    authentication: Authentication
    known: Sessions
    """What the workers remember. It is told which session or user changed, after the commit."""
    scopes: frozenset[str]
    """All that the service has."""

    @property
    def settings(self) -> AuthenticationSettings:
        """How long everything lasts."""
        return self.authentication.settings

    def tokens(self, session: Ids, asked: str | None, refresh_token: str) -> Tokens:
        """Return a new access token beside a refresh token, for what the login asked for.

        Call it when the transaction is over: signing takes a millisecond or two, for which all
        others would wait on SQLite.
        """
        scopes = self.scopes if asked is None else self.scopes & frozenset(asked.split(" "))
        return Tokens(
            access_token=self.authentication.tokens.issue(*session, scopes),
            expires_in=self.settings.access_token_seconds,
            refresh_token=refresh_token,
            scope=" ".join(sorted(scopes)),
        )


def digest_of(token: str) -> bytes:
    """Return what is stored of a refresh token. It is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("ascii", "replace")).digest()  # ours are ASCII


def fresh_token(
    settings: AuthenticationSettings, token: str, session_id: uuid.UUID, session_end: datetime
) -> RefreshToken:
    """Return the row of a new refresh token. It runs out with its session at the latest."""
    ends = min(utc_now() + timedelta(seconds=settings.refresh_token_seconds), session_end)
    return RefreshToken(digest=digest_of(token), session_id=session_id, expires_at=ends)


async def begin_session(
    database: AsyncSession, settings: AuthenticationSettings, user_id: uuid.UUID, scope: str | None
) -> tuple[Ids, str]:
    """Store a session; return its ids and its first refresh token. The caller commits."""
    ends = utc_now() + timedelta(seconds=settings.session_seconds)
    session = Session(id=uuid.uuid4(), user_id=user_id, expires_at=ends, scope=scope)
    database.add(session)
    await database.flush()  # the token refers to it
    token = secrets.token_urlsafe(32)
    database.add(fresh_token(settings, token, session.id, ends))
    await database.flush()
    return Ids(user_id, session.id), token


async def end_sessions(database: AsyncSession, user_id: uuid.UUID) -> datetime:
    """End all sessions of a user, and forget all devices; return the moment. The caller commits.

    The user's row is written first: a login that is about to commit is waited for, and whoever else
    ends them waits, where each could be waiting for the other's rows. (SQLite has one writer.)
    """
    now = utc_now()
    await database.execute(
        update(User)
        .where(User.id == user_id)
        .values(devices_forgotten_at=now)
        .execution_options(synchronize_session=False)
    )
    await database.execute(
        update(Session)
        .where(Session.user_id == user_id, Session.revoked_at.is_(None), Session.expires_at > now)
        .values(revoked_at=now)
    )
    return now
