"""Refresh tokens: what keeps a session alive. Each is good for one use and leads to the next.

The tokens of a session are one chain. Of each the database keeps its SHA-256 and the moment of its
first use, so a token is in one of three states:

    fresh   nobody has used it
    open    it was used, the one after it was not
    spent   the one after it was used too

What happens when one is presented, the first line that fits:

    unknown; its session ended or ran out; its user is disabled    refused
    fresh, and run out                                             refused
    fresh                    it opens, and the next one is born    the next one
    open, within the leeway of its first use                       the same next one again
    open and later, or spent               it was stolen: the session ends, with a critical event

- **One next token, however many ask.** Using a token and storing the next one is one transaction,
  and one `UPDATE` in it decides who was first. Whoever was slower looks again.
- **A lost answer is asked for again.** The next token is an HMAC of the one that was presented, so
  whoever holds that one can be told it again, and nothing is stored but digests. Its secret is
  derived from the key that signed at the moment of the first use: a rotation in between changes
  nothing. A key that was thrown away ends the session, like all that can't be shown to be honest.
- **A crash** before the commit leaves the token fresh; one after it leaves it open, to be repeated.
- **A thief** who comes after the leeway ends the session, or the owner does who comes after the
  thief. Within the leeway both get the same token; whoever of them uses it later than the leeway
  after the other ends the session then.
- **The clock** is that of the machine that used the token first. One set back or forward by more
  than the leeway makes a repetition look stolen, never a theft honest.
- **Without a leeway** (0) every second use ends the session, and so may two at once.
"""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, update

from app.accounts.models import RefreshToken, Session, User
from app.accounts.sessions import Ids, digest_of, fresh_token
from app.database import utc_now
from app.layers.authentication import Unauthenticated
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from app.accounts.schemas import Tokens
    from app.accounts.sessions import Issuer

PURPOSE = "the next refresh token"


class Presented(NamedTuple):
    """What the database knows of a refresh token that a client presents."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    scope: str | None
    expires_at: datetime
    used_at: datetime | None
    session_expires_at: datetime
    revoked_at: datetime | None
    disabled_at: datetime | None


class Verdict(Enum):
    """What presenting a refresh token amounts to."""

    REFUSED = auto()
    FIRST = auto()
    AGAIN = auto()
    """A repetition, if the next token was not used yet."""
    STOLEN = auto()


def judge(found: Presented | None, now: datetime, leeway: timedelta) -> Verdict:
    """Return what it amounts to that this token is presented now."""
    if found is None or found.revoked_at is not None or found.disabled_at is not None:
        return Verdict.REFUSED
    if found.session_expires_at <= now:
        return Verdict.REFUSED
    if found.used_at is not None:
        # Both ways: a clock that was set back must not make the leeway last until it is caught up.
        return Verdict.AGAIN if abs(now - found.used_at) < leeway else Verdict.STOLEN
    return Verdict.FIRST if now < found.expires_at else Verdict.REFUSED


def successor_of(issuer: Issuer, token: str, used_at: datetime) -> str:
    """Return the token after this one, if it was used first at that moment."""
    secret = issuer.authentication.keys.signer(used_at.timestamp()).secret(PURPOSE)
    derived = hmac.digest(secret, token.encode("ascii"), "sha256")
    return base64.urlsafe_b64encode(derived).rstrip(b"=").decode("ascii")


async def refresh(database: AsyncSession, issuer: Issuer, token: str) -> Tokens:
    """Trade a refresh token for new tokens, as the module says.

    Raises:
        Unauthenticated: it is not good. Nobody can tell why.
    """
    leeway = timedelta(seconds=issuer.settings.refresh_leeway_seconds)
    for _ in range(2):  # whoever was slower than another looks again, at what that one left
        found = await _look(database, token)
        verdict = judge(found, utc_now(), leeway)
        if found is None or verdict is Verdict.REFUSED:
            break
        following = None
        if verdict is Verdict.FIRST:
            following = await use(database, issuer, token, found)
        elif verdict is Verdict.AGAIN and found.used_at is not None:
            following = await _repeat(database, issuer, token, found.used_at)
        if following is not None:
            return issuer.tokens(Ids(found.user_id, found.session_id), found.scope, following)
        if verdict is not Verdict.FIRST:
            await _end_stolen(database, issuer, found)
            break
    log_event(Event.AUTHN_TOKEN_INVALID, reason="a refresh token that is not good")
    raise Unauthenticated("The refresh token is not valid.")


async def _look(database: AsyncSession, token: str) -> Presented | None:
    row = await database.execute(
        select(
            RefreshToken.session_id,
            Session.user_id,
            Session.scope,
            RefreshToken.expires_at,
            RefreshToken.used_at,
            Session.expires_at,
            Session.revoked_at,
            User.disabled_at,
        )
        .join(Session, Session.id == RefreshToken.session_id)
        .join(User, User.id == Session.user_id)
        .where(RefreshToken.digest == digest_of(token))
    )
    found = row.one_or_none()
    await database.commit()  # whoever holds a connection while it signs starves the others
    return Presented(*found) if found is not None else None


async def use(database: AsyncSession, issuer: Issuer, token: str, found: Presented) -> str | None:
    """Use a fresh token: return the next one, or None when somebody was faster."""
    now = utc_now()
    following = successor_of(issuer, token, now)
    # One statement decides who uses it: of a thousand at once, the database lets one through.
    used = await database.scalar(
        update(RefreshToken)
        .where(RefreshToken.digest == digest_of(token), RefreshToken.used_at.is_(None))
        .values(used_at=now)
        .returning(RefreshToken.session_id)
    )
    if used is None:
        await database.rollback()
        return None
    database.add(fresh_token(issuer.settings, following, used, found.session_expires_at))
    await database.commit()
    return following


async def _repeat(
    database: AsyncSession, issuer: Issuer, token: str, used_at: datetime
) -> str | None:
    """Return the next token once more, or None when it was used already."""
    following = successor_of(issuer, token, used_at)
    is_fresh = await database.scalar(
        select(RefreshToken.used_at.is_(None)).where(RefreshToken.digest == digest_of(following))
    )
    await database.commit()
    return following if is_fresh else None


async def _end_stolen(database: AsyncSession, issuer: Issuer, found: Presented) -> None:
    """End the session of a token that was stolen, and say so once (RFC 9700 §4.14.2)."""
    ended = await database.scalar(
        update(Session)
        .where(Session.id == found.session_id, Session.revoked_at.is_(None))
        .values(revoked_at=utc_now())
        .returning(Session.id)
    )
    await database.commit()
    if ended is not None:
        session, user = str(found.session_id), str(found.user_id)
        log_event(Event.AUTHN_TOKEN_REUSE, session=session, user=user)
        await issuer.known.changed(found.session_id)
