"""What a token says, read from its claims: strictly typed, and bounded in time."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.layers.authentication.jose import InvalidTokenError

if TYPE_CHECKING:
    from app.layers.authentication.settings import AuthenticationSettings

MAX_TEXT = 255
"""Characters of `sub` (OpenID Connect Core §2) and of `jti`."""
_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*", re.ASCII)
"""RFC 6749 §3.3."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says. Times are seconds since the epoch."""

    user_id: uuid.UUID
    session_id: uuid.UUID | None
    """None when another issuer made the token: its sessions are its own matter."""
    token_id: str
    scopes: frozenset[str]
    issued_at: int
    not_before: int
    expires_at: int
    subject: str
    """As the issuer writes it."""

    def is_current(self, now: float, skew: int) -> bool:
        """Whether the token has begun and not run out, for clocks that differ by so many seconds.

        Args:
            now: seconds since the epoch.
            skew: seconds, to the token's favour.
        """
        return self.not_before - skew <= now < self.expires_at + skew


def foreign_user_id(issuer: str, subject: str) -> uuid.UUID:
    """Return the id that a subject of another issuer has here: the same each time, never ours."""
    return uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, issuer), subject)


def _time(claims: dict[str, Any], name: str) -> int:
    found = claims[name]
    if type(found) is not int:  # a bool is an int, and a text of digits is believed by libraries
        raise InvalidTokenError(f"{name} is no whole number")
    return found


def _text(claims: dict[str, Any], name: str) -> str:
    found = claims[name]
    # Half a character (\ud800) is a text to JSON, and an error to whoever stores or hashes it.
    if not isinstance(found, str) or not found.isprintable() or not 0 < len(found) <= MAX_TEXT:
        raise InvalidTokenError(f"{name} is no text of {MAX_TEXT} characters at most")
    return found


def _id(text: object, name: str) -> uuid.UUID:
    try:
        found = uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    if found is None or str(found) != text:  # UUID reads braces, URNs and more
        raise InvalidTokenError(f"{name} is no id of ours")
    return found


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    found = claims.get("scope", "")
    if not isinstance(found, str) or (found and _SCOPE.fullmatch(found) is None):
        raise InvalidTokenError("scope is no list of words")
    return frozenset(found.split(" ")) if found else frozenset()


def read_claims(claims: dict[str, Any], settings: AuthenticationSettings) -> Claims:
    """Return what a token says whose signature, issuer and audience were found good.

    Raises:
        InvalidTokenError: a claim is of another type, or the token lives longer than it may.
    """
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if expires - issued > settings.longest_token_seconds:
        raise InvalidTokenError("lives longer than we let tokens live")
    subject = _text(claims, "sub")
    if settings.trusts_another_issuer:
        user, session = foreign_user_id(settings.issuer, subject), None
    else:
        user, session = _id(subject, "sub"), _id(claims["sid"], "sid")
    token_id, scopes = _text(claims, "jti"), _scopes(claims)
    return Claims(user, session, token_id, scopes, issued, begins, expires, subject)
