"""Access tokens: making one, and deciding whether one is ours and still good."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from app.layers.authentication.keys import SigningKey
    from app.layers.authentication.settings import AuthenticationSettings

ALGORITHM = "RS256"
TYPE = "at+jwt"
REQUIRED = ["aud", "exp", "iat", "iss", "jti", "sid", "sub"]
DECODE_OPTIONS: Any = {"require": REQUIRED, "enforce_minimum_key_length": True}


class InvalidTokenError(Exception):
    """The token is not to be believed. The message is for the log, not for the client."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    token_id: str
    expires_at: int
    """Seconds since the epoch."""


class AccessTokens:
    """Issues and verifies the access tokens of one issuer, with one key."""

    def __init__(self, settings: AuthenticationSettings, key: SigningKey) -> None:
        self.settings = settings
        self.key = key

    def issue(self, user_id: uuid.UUID, session_id: uuid.UUID) -> str:
        """Return a signed token for a session of a user."""
        now = int(time.time())
        claims = {
            "iss": self.settings.issuer,
            "aud": self.settings.audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + self.settings.access_token_seconds,
        }
        headers = {"kid": self.key.kid, "typ": TYPE}
        return jwt.encode(claims, self.key.private, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str) -> Claims:
        """Return what the token says.

        Raises:
            InvalidTokenError: anything about it is not as `issue` makes it.
        """
        if len(token) > self.settings.max_token_bytes:
            raise InvalidTokenError("too long")
        try:
            complete = jwt.decode_complete(
                token,
                self.key.public,
                algorithms=[ALGORITHM],
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                leeway=self.settings.clock_skew_seconds,
                options=DECODE_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidTokenError(type(error).__name__) from error
        header, claims = complete["header"], complete["payload"]
        # PyJWT checks neither: an ID token signed by the same key must not open this door.
        if header.get("typ") != TYPE or header.get("kid") != self.key.kid or "crit" in header:
            raise InvalidTokenError("another type, key or a critical extension")
        return self._read(claims)

    def _read(self, claims: dict[str, Any]) -> Claims:
        issued, expires, token_id = claims["iat"], claims["exp"], claims["jti"]
        if type(issued) is not int or type(expires) is not int or not isinstance(token_id, str):
            raise InvalidTokenError("a claim of another type")
        if expires - issued > self.settings.access_token_seconds:
            raise InvalidTokenError("lives longer than we let tokens live")
        try:
            return Claims(uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]), token_id, expires)
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidTokenError("a subject or session that is no id of ours") from error
