"""Who makes a request: the dependency that stands behind the access types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from starlette.requests import Request  # noqa: TC002 - FastAPI resolves it at run time

from app.accounts.models import Session, User
from app.database import Database, utc_now
from app.errors import ServiceError
from app.layers.authentication.keys import SigningKey, load_signing_key
from app.layers.authentication.passwords import Passwords
from app.layers.authentication.tokens import AccessTokens, Claims, InvalidTokenError
from app.layers.logs import Event, log_event
from app.request_context import context_of

if TYPE_CHECKING:
    import uuid

    from app.layers.authentication.settings import AuthenticationSettings


class Unauthenticated(ServiceError):
    """401. One answer whatever was wrong: an attacker learns nothing about why (RFC 6750 §3)."""

    status, slug, layer = 401, "unauthenticated", "authentication"

    def __init__(self, detail: str = "A valid access token is needed.") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="api"'})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes the request: a user, in a session that has not ended."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    role: str


@dataclass(frozen=True, slots=True)
class Authentication:
    """What the layer holds for the life of the application."""

    key: SigningKey
    tokens: AccessTokens
    passwords: Passwords
    settings: AuthenticationSettings


def open_authentication(settings: AuthenticationSettings) -> Authentication:
    """Return the layer's working parts.

    Raises:
        WeakKeyError: the signing key is missing, unreadable or too short.
    """
    pem = settings.private_key.get_secret_value() if settings.private_key else ""
    key = load_signing_key(pem)
    passwords = Passwords(settings.password_concurrency)
    return Authentication(key, AccessTokens(settings, key), passwords, settings)


def bearer_token(authorizations: list[str]) -> str:
    """Return the token of the Authorization headers of a request.

    Raises:
        InvalidTokenError: none, two (whoever reads the other one is deceived), or another scheme.
    """
    if len(authorizations) != 1:
        raise InvalidTokenError("no Authorization header, or two")
    scheme, _, token = authorizations[0].partition(" ")
    if scheme.lower() != "bearer" or not token or " " in token:
        raise InvalidTokenError("not a bearer token")
    return token


async def _principal(database: Database, claims: Claims) -> Principal:
    """Return the live session's user: the database decides, whatever the token still says.

    Raises:
        InvalidTokenError: the session was ended or has run out, or the user was disabled.
    """
    query = (
        select(User.role)
        .join(Session, Session.user_id == User.id)
        .where(
            Session.id == claims.session_id,
            User.id == claims.user_id,
            Session.revoked_at.is_(None),
            Session.expires_at > utc_now(),
            User.disabled_at.is_(None),
        )
    )
    async with database.engine.connect() as connection:
        role = await connection.scalar(query)
    if role is None:
        raise InvalidTokenError("the session has ended")
    return Principal(claims.user_id, claims.session_id, role)


async def authenticate(request: Request) -> Principal:
    """Return who makes the request.

    Raises:
        Unauthenticated: no valid token, or its session has ended.
    """
    authentication: Authentication = request.app.state.authentication
    try:
        token = bearer_token(request.headers.getlist("authorization"))
        claims = authentication.tokens.verify(token)
        principal = await _principal(request.app.state.database, claims)
    except InvalidTokenError as error:
        if "authorization" in request.headers:
            log_event(Event.AUTHN_TOKEN_INVALID, reason=str(error))
        raise Unauthenticated from error
    context_of(request.scope).account = str(principal.user_id)
    return principal
