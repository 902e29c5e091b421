"""What accounts do. Every function commits, then tells all workers what they may remember wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.devices import Trust, device_token
from app.accounts.models import Session, User
from app.accounts.schemas import LoginTokens
from app.accounts.sessions import begin_session, end_sessions
from app.database import utc_now
from app.errors import Conflict, Invalid, NotFound, ServiceError, Unavailable
from app.layers.authentication import Unauthenticated
from app.layers.logs import Event, log_event
from app.pagination import newest_first

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from app.accounts.schemas import Login, PasswordChange, ProfileChange, Signup, Tokens
    from app.accounts.sessions import Issuer
    from app.layers.authentication import Passwords, Principal


class WrongPassword(ServiceError):
    """403: whoever asks is logged in, and has not shown to be the owner of the account."""

    status, slug, layer = 403, "wrong-password", "authentication"


class Proven(NamedTuple):
    """An account, and the hash that a password was just found to be the one of."""

    user_id: uuid.UUID
    password_hash: str
    devices_forgotten_at: datetime | None


async def sign_up(database: AsyncSession, passwords: Passwords, wanted: Signup) -> User:
    """Make an account.

    Raises:
        Conflict: the e-mail address has one already.
    """
    password_hash = await passwords.hash(wanted.password)
    user = User(email=wanted.email, password_hash=password_hash)
    database.add(user)
    try:
        await database.commit()
    except IntegrityError as error:
        raise Conflict("There is an account with this e-mail address.") from error
    log_event(Event.USER_CREATED, user=str(user.id))
    return user


async def log_in(
    database: AsyncSession, issuer: Issuer, given: Login, device: str | None = None
) -> LoginTokens:
    """Start a session.

    Args:
        database: the transaction in hand, which ends.
        issuer: what makes the tokens.
        given: what the client gave.
        device: what `devices.known_device` knows the client's as.

    Raises:
        Invalid: it has no such scope; said before anybody looks who is asking.
        Unauthenticated: no such account, another password or disabled; nobody can tell which.
    """
    if given.scope is not None and not issuer.scopes.issuperset(given.scope.split(" ")):
        unknown = [{"field": "body.scope", "rule": "unknown_scope"}]
        raise Invalid("There is no such scope.", errors=unknown)
    for _ in range(2):  # once more where the hash was renewed meanwhile, by a login beside this one
        proven = await _prove(database, issuer.authentication.passwords, given)
        tokens = await begin_unless_changed(database, issuer, proven, given.scope)
        if tokens is not None:
            log_event(Event.AUTHN_LOGIN_SUCCESS, user=str(proven.user_id))
            passwords = issuer.authentication.passwords
            current = await _renew_hash(database, passwords, proven, given.password)
            trust = Trust(current, proven.devices_forgotten_at)
            return _with_device(tokens, device_token(issuer, given.email, trust, device))
    raise _login_failed(proven.user_id)


def _with_device(tokens: Tokens, token: str) -> LoginTokens:
    return LoginTokens(**tokens.model_dump(), device_token=token)


def _login_failed(user_id: uuid.UUID | None) -> Unauthenticated:
    log_event(Event.AUTHN_LOGIN_FAIL, user=str(user_id) if user_id is not None else None)
    return Unauthenticated("The e-mail address or the password is wrong.")


async def _prove(database: AsyncSession, passwords: Passwords, given: Login) -> Proven:
    """Return the account that the e-mail address and the password are of.

    Raises:
        Unauthenticated: there is none, or it is disabled. The same work was done.
    """
    columns = (User.id, User.password_hash, User.disabled_at, User.devices_forgotten_at)
    query = select(*columns).where(User.email == given.email)
    found = (await database.execute(query)).one_or_none()
    # Hashing waits its turn; whoever held a connection meanwhile would starve everybody else of
    # the database (300 logins at once: 12 s for a token check, measured).
    await database.commit()
    user_id, password_hash, disabled_at, forgotten_at = found or (None, None, None, None)
    matches = await passwords.verify(given.password, password_hash)
    if user_id is None or password_hash is None or disabled_at is not None or not matches:
        raise _login_failed(user_id)
    return Proven(user_id, password_hash, forgotten_at)


async def begin_unless_changed(
    database: AsyncSession, issuer: Issuer, proven: Proven, scope: str | None
) -> Tokens | None:
    """Begin a session, unless the account is another one than when its password was verified.

    That took a while: it may be disabled by now, or its password changed, and a session that began
    behind their back would live on. The insert comes first: on SQLite it shuts out every writer.
    On PostgreSQL the shared lock waits for whoever is changing the account, or makes them wait; all
    of them change the account first and end its sessions then.
    """
    session, token = await begin_session(database, issuer.settings, proven.user_id, scope)
    unchanged = await database.scalar(
        select(User.id)
        .where(
            User.id == proven.user_id,
            User.password_hash == proven.password_hash,
            User.disabled_at.is_(None),
        )
        .with_for_update(read=True)
    )
    if unchanged is None:
        await database.rollback()
        return None
    await database.commit()
    return issuer.tokens(session, scope, token)


async def _renew_hash(
    database: AsyncSession, passwords: Passwords, proven: Proven, password: str
) -> str:
    """Hash the password anew where that is done in another way by now; return what is stored."""
    if not passwords.is_outdated(proven.password_hash):
        return proven.password_hash
    with suppress(Unavailable):  # too many wait: the next login can do it as well
        renewed = await passwords.hash(password)
        await database.execute(
            update(User)
            .where(User.id == proven.user_id, User.password_hash == proven.password_hash)
            .values(password_hash=renewed)
        )
        await database.commit()
        return renewed
    return proven.password_hash


async def change_password(
    database: AsyncSession, issuer: Issuer, principal: Principal, change: PasswordChange
) -> LoginTokens:
    """Change the password; end every session of the account, and begin a new one for the caller.

    This one ends too, with whatever was stolen of it: a refresh token that somebody copied looks
    like the owner's (ASVS 5.0 V7.2.4, V7.4.3). So does what devices are known by.

    Raises:
        WrongPassword: the current password is another one.
        Conflict: the account was changed meanwhile.
    """
    user = await get_account(database, principal)
    await database.commit()
    passwords = issuer.authentication.passwords
    if not await passwords.verify(change.current_password, user.password_hash):
        log_event(Event.AUTHN_PASSWORD_CHANGE_FAIL)
        raise WrongPassword("The current password is wrong.")
    password_hash = await passwords.hash(change.new_password)
    changed = await database.scalar(
        update(User)
        .where(
            User.id == user.id,
            User.password_hash == user.password_hash,
            User.disabled_at.is_(None),
        )
        .values(password_hash=password_hash)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        await database.rollback()
        raise Conflict("The account was changed meanwhile.")
    scope = await database.scalar(select(Session.scope).where(Session.id == principal.session_id))
    forgotten_at = await end_sessions(database, user.id)
    session, token = await begin_session(database, issuer.settings, user.id, scope)
    await database.commit()
    log_event(Event.AUTHN_PASSWORD_CHANGE)
    await issuer.known.changed(user.id)
    tokens = issuer.tokens(session, scope, token)
    trust = Trust(password_hash, forgotten_at)
    return _with_device(tokens, device_token(issuer, user.email or "", trust))


async def log_out(database: AsyncSession, issuer: Issuer, principal: Principal) -> None:
    """End the session: its access token stops at once, its refresh token too (ASVS 5.0 V7.4.1)."""
    if principal.session_id is None:  # another issuer's: it is not ours to end
        return
    await database.execute(
        update(Session)
        .where(Session.id == principal.session_id, Session.revoked_at.is_(None))
        .values(revoked_at=utc_now())
    )
    await database.commit()
    log_event(Event.AUTHN_LOGOUT)
    await issuer.known.changed(principal.session_id)


async def log_out_everywhere(database: AsyncSession, issuer: Issuer, principal: Principal) -> None:
    """End all sessions of the user, this one too (ASVS 5.0 V7.4.3)."""
    await end_sessions(database, principal.user_id)
    await database.commit()
    log_event(Event.AUTHN_LOGOUT, sessions="all")
    await issuer.known.changed(principal.user_id)


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
