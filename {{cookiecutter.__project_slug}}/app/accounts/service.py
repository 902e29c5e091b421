"""What accounts do. Every function that changes something commits it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.models import RefreshToken, Session, User
from app.accounts.schemas import Tokens
from app.database import utc_now
from app.errors import Conflict, NotFound
from app.layers.authentication import Unauthenticated
from app.layers.logs import Event, log_event
from app.pagination import newest_first

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from app.accounts.schemas import Login, ProfileChange, Signup
    from app.layers.authentication import Authentication, Principal


def _digest(token: str) -> bytes:
    """Return what is stored of a refresh token. It is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("ascii", "replace")).digest()


async def sign_up(database: AsyncSession, authentication: Authentication, wanted: Signup) -> User:
    """Make an account.

    Raises:
        Conflict: the e-mail address has one already.
    """
    password_hash = await authentication.passwords.hash(wanted.password)
    user = User(email=wanted.email, password_hash=password_hash)
    database.add(user)
    try:
        await database.commit()
    except IntegrityError as error:
        raise Conflict("There is an account with this e-mail address.") from error
    log_event(Event.USER_CREATED, user=str(user.id))
    return user


async def log_in(database: AsyncSession, authentication: Authentication, given: Login) -> Tokens:
    """Start a session.

    Raises:
        Unauthenticated: no such account, another password or disabled; nobody can tell which.
    """
    user = await database.scalar(select(User).where(User.email == given.email))
    # Hashing waits its turn; whoever held a connection meanwhile would starve everybody else of
    # the database (300 logins at once: 12 s for a token check, measured).
    await database.commit()
    stored = user.password_hash if user is not None else None
    matches = await authentication.passwords.verify(given.password, stored)
    if user is None or not matches or user.disabled_at is not None:
        log_event(Event.AUTHN_LOGIN_FAIL, user=str(user.id) if user is not None else None)
        raise Unauthenticated("The e-mail address or the password is wrong.")
    lifetime = timedelta(seconds=authentication.settings.session_seconds)
    session = Session(user_id=user.id, expires_at=utc_now() + lifetime)
    database.add(session)
    await database.flush()
    tokens = _issue(database, authentication, session)
    await database.commit()
    log_event(Event.AUTHN_LOGIN_SUCCESS, user=str(user.id))
    return tokens


def _issue(database: AsyncSession, authentication: Authentication, session: Session) -> Tokens:
    refresh_token = secrets.token_urlsafe(32)
    lifetime = timedelta(seconds=authentication.settings.refresh_token_seconds)
    database.add(
        RefreshToken(
            digest=_digest(refresh_token),
            session_id=session.id,
            expires_at=min(utc_now() + lifetime, session.expires_at),
        )
    )
    return Tokens(
        access_token=authentication.tokens.issue(session.user_id, session.id),
        expires_in=authentication.settings.access_token_seconds,
        refresh_token=refresh_token,
    )


async def refresh(database: AsyncSession, authentication: Authentication, token: str) -> Tokens:
    """Trade a refresh token for new tokens. The second use of one ends its session: it was stolen.

    Raises:
        Unauthenticated: unknown, used, run out, or its session or user has ended.
    """
    digest = _digest(token)
    # One statement decides who uses it: of fifty at once, the database lets one through.
    claimed = await database.scalar(
        update(RefreshToken)
        .where(RefreshToken.digest == digest, RefreshToken.used_at.is_(None))
        .values(used_at=utc_now())
        .returning(RefreshToken.session_id)
    )
    if claimed is None:
        await _end_if_reused(database, digest)
        raise Unauthenticated("The refresh token is not valid.")
    session = await database.scalar(
        select(Session)
        .join(RefreshToken, RefreshToken.session_id == Session.id)
        .join(User, User.id == Session.user_id)
        .where(
            RefreshToken.digest == digest,
            RefreshToken.expires_at > utc_now(),
            Session.revoked_at.is_(None),
            Session.expires_at > utc_now(),
            User.disabled_at.is_(None),
        )
    )
    if session is None:
        await database.commit()
        raise Unauthenticated("The refresh token is not valid.")
    tokens = _issue(database, authentication, session)
    await database.commit()
    return tokens


async def _end_if_reused(database: AsyncSession, digest: bytes) -> None:
    """End the session of a refresh token that was used before (RFC 9700 §4.14.2)."""
    session_id = await database.scalar(
        select(RefreshToken.session_id).where(RefreshToken.digest == digest)
    )
    if session_id is None:
        return
    await _end(database, session_id)
    log_event(Event.AUTHN_TOKEN_REUSE, session=str(session_id))


async def _end(database: AsyncSession, session_id: uuid.UUID) -> None:
    await database.execute(
        update(Session)
        .where(Session.id == session_id, Session.revoked_at.is_(None))
        .values(revoked_at=utc_now())
    )
    await database.commit()


async def log_out(database: AsyncSession, principal: Principal) -> None:
    """End the session: its access token stops at once, its refresh token too (ASVS 5.0 V7.4.1)."""
    await _end(database, principal.session_id)
    log_event(Event.AUTHN_LOGOUT)


async def get_account(database: AsyncSession, principal: Principal) -> User:
    """Return the principal's own account.

    Raises:
        NotFound: it was deleted since the token was checked.
    """
    user = await database.get(User, principal.user_id)
    if user is None:
        raise NotFound("There is nothing here.")
    return user


async def change_profile(
    database: AsyncSession, principal: Principal, change: ProfileChange
) -> User:
    """Change what users may change about themselves."""
    user = await get_account(database, principal)
    user.display_name = change.display_name
    await database.commit()
    log_event(Event.USER_UPDATED, user=str(user.id))
    return user


async def list_accounts(
    database: AsyncSession, limit: int, cursor: str | None
) -> tuple[Sequence[User], str | None]:
    """Return a page of all accounts. Only for administrators."""
    return await newest_first(database, select(User), User, limit, cursor)


async def set_role(database: AsyncSession, email: str, role: str) -> bool:
    """Give an account a role; whether there is such an account."""
    found = await database.scalar(
        update(User).where(User.email == email).values(role=role).returning(User.id)
    )
    await database.commit()
    if found is not None:
        log_event(Event.AUTHZ_CHANGE, user=str(found), role=role)
    return found is not None


async def disable(database: AsyncSession, email: str) -> bool:
    """Disable an account and end all its sessions; whether there is such an account."""
    found = await database.scalar(
        update(User).where(User.email == email).values(disabled_at=utc_now()).returning(User.id)
    )
    if found is not None:
        await database.execute(
            update(Session).where(Session.user_id == found).values(revoked_at=utc_now())
        )
    await database.commit()
    if found is not None:
        log_event(Event.USER_DISABLED, user=str(found))
    return found is not None


async def sweep(database: AsyncSession) -> None:
    """Delete sessions that have run out, and their refresh tokens with them."""
    await database.execute(delete(Session).where(Session.expires_at <= utc_now()))
    await database.commit()
