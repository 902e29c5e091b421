"""Access tokens: making one, and deciding whether one is to be believed."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import jwt

from app.layers.authentication.claims import Claims, read_claims
from app.layers.authentication.jose import InvalidTokenError, parse_object, read_kid
from app.layers.authentication.verified import VerifiedTokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.layers.authentication.key_ring import KeyRing
    from app.layers.authentication.keys import KeySet
    from app.layers.authentication.settings import AuthenticationSettings

TYPE = "at+jwt"
REQUIRED = ["aud", "exp", "iat", "iss", "jti", "sub"]
"""Of every token (RFC 9068 §2.2)."""
OURS = ["nbf", "scope", "sid"]
"""Besides, of a token that we made."""


class AccessTokens:
    """Issues our access tokens."""

    def __init__(self, settings: AuthenticationSettings, keys: KeyRing) -> None:
        self._settings = settings
        self._keys = keys

    def issue(self, user_id: uuid.UUID, session_id: uuid.UUID, scopes: Iterable[str]) -> str:
        """Return a signed token for a session of a user, good for these scopes."""
        now = int(time.time())
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": uuid.uuid4().hex,
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "nbf": now,
            "exp": now + self._settings.access_token_seconds,
        }
        key = self._keys.signer()
        headers = {"kid": key.kid, "typ": TYPE}
        return jwt.encode(claims, key.private, algorithm=key.public.algorithm, headers=headers)


class _StrictJwt(jwt.PyJWT):
    """PyJWT, reading the claims as strictly as we read the header."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        return parse_object(decoded["payload"])


class TokenVerifier:
    """Decides about the tokens of one issuer, ours or another. It knows nothing of sessions."""

    def __init__(self, settings: AuthenticationSettings, keys: KeySet) -> None:
        self._settings = settings
        self._keys = keys
        self._jwt = _StrictJwt()
        self._verified = VerifiedTokens(settings.clock_skew_seconds)
        required = REQUIRED if settings.trusts_another_issuer else [*REQUIRED, *OURS]
        self._options: Any = {"require": required, "enforce_minimum_key_length": True}

    def remembered(self, token: str) -> Claims | None:
        """Return what a token says that verified a moment ago and is still good."""
        return self._verified.recall(token, self._keys.version)

    async def verify(self, token: str) -> Claims:
        """Return what the token says.

        Raises:
            InvalidTokenError: anything about it is not as it has to be.
        """
        version = self._keys.version
        kid = read_kid(token, self._settings.algorithm, self._settings.max_token_bytes)
        key = await self._keys.find(kid)
        if key is None or key.algorithm != self._settings.algorithm:
            raise InvalidTokenError("no such key")
        try:
            payload = self._jwt.decode_complete(
                token,
                key.key,
                algorithms=[self._settings.algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.clock_skew_seconds,
                options=self._options,
            )["payload"]
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidTokenError(type(error).__name__) from error
        claims = read_claims(payload, self._settings)
        self._verified.remember(token, claims, version)
        return claims


__all__ = ["AccessTokens", "Claims", "InvalidTokenError", "TokenVerifier"]
