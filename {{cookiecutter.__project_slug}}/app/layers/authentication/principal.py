"""Who makes a request: the dependency that stands behind the access types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002 - FastAPI resolves it at run time

from app.layers.authentication.challenges import unauthenticated
from app.layers.authentication.key_ring import KeyRing, open_key_ring
from app.layers.authentication.key_set import RemoteKeySet, open_key_set
from app.layers.authentication.passwords import Passwords
from app.layers.authentication.tokens import AccessTokens, InvalidTokenError, TokenVerifier
from app.layers.logs import Event, log_event
from app.request_context import context_of
from app.request_headers import headers_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from app.layers.authentication.sessions import Sessions
    from app.layers.authentication.settings import AuthenticationSettings

AUTHORIZATION = b"authorization"
SCHEME = b"bearer "


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes the request: a user, in a session that has not ended."""

    user_id: uuid.UUID
    session_id: uuid.UUID | None
    role: str
    scopes: frozenset[str] = frozenset()


class NotTheIssuerError(Exception):
    """Something here was about to make a token, and another issuer makes them. A bug of ours."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """What the layer holds for the life of the application."""

    key_set: KeyRing | RemoteKeySet
    """The keys that verify: our own, or another issuer's."""
    verifier: TokenVerifier
    passwords: Passwords
    settings: AuthenticationSettings

    @property
    def keys(self) -> KeyRing:
        """Our own keys.

        Raises:
            NotTheIssuerError: we have none.
        """
        if not isinstance(self.key_set, KeyRing):
            raise NotTheIssuerError("another issuer makes the tokens (AUTHENTICATION__JWKS_URL)")
        return self.key_set

    @property
    def tokens(self) -> AccessTokens:
        """What issues our tokens.

        Raises:
            NotTheIssuerError: we issue none.
        """
        return AccessTokens(self.settings, self.keys)


def open_authentication(settings: AuthenticationSettings) -> Authentication:
    """Return the layer's working parts.

    Raises:
        WeakKeyError: a signing key is missing, unreadable, too short or of another kind.
        BadCertificatesError: another issuer's server is to be believed by certificates that can't
            be read.
    """
    trusts = settings.trusts_another_issuer
    keys = open_key_set(settings) if trusts else open_key_ring(settings)
    passwords = Passwords(settings.password_concurrency)
    return Authentication(keys, TokenVerifier(settings, keys), passwords, settings)


def bearer_token(authorizations: Sequence[bytes]) -> str:
    """Return the token of the Authorization headers of a request.

    Raises:
        InvalidTokenError: none, two (whoever reads the other one is deceived), or another scheme.
    """
    if len(authorizations) != 1:
        raise InvalidTokenError("no Authorization header, or two")
    (given,) = authorizations
    token = given[len(SCHEME) :]
    if given[: len(SCHEME)].lower() != SCHEME or not token or b" " in token:
        raise InvalidTokenError("not a bearer token")
    return token.decode("latin-1")


async def authenticate(request: Request) -> Principal:
    """Return who makes the request.

    Raises:
        Unauthenticated: no valid token, or its session has ended.
    """
    context = context_of(request.scope)
    if context.principal is not None:
        return context.principal  # several policies on one route ask once
    given = headers_of(request.scope).values(AUTHORIZATION)
    state = request.app.state
    # In brackets, since that takes a third of what a dot takes.
    verifier: TokenVerifier = state["authentication"].verifier
    sessions: Sessions = state["sessions"]
    try:
        token = bearer_token(given)
        claims = verifier.remembered(token)
        if claims is None:
            claims = await verifier.verify(token)
        principal = sessions.remembered(claims, context.arrived)
        if principal is None:
            principal = await sessions.ask(claims)
    except InvalidTokenError as error:
        if given:
            log_event(Event.AUTHN_TOKEN_INVALID, reason=str(error))
        raise unauthenticated(request) from error
    context.principal = principal
    # Of our own tokens the subject is the user's id, to the letter.
    context.account = claims.subject if claims.session_id else str(principal.user_id)
    return principal
