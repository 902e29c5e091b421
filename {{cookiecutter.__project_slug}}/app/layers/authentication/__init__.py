"""Layer 7, authentication: who is asking.

Stops: forged tokens (RS256 over a key of at least 3072 bits; the algorithm comes from our code,
never from the token: no `none`, no HS256 with the public key), tokens made for another purpose or
service (`typ`, `iss`, `aud`), expired and long-lived ones, tokens of ended sessions and disabled
users (the database is asked on every request), stolen refresh tokens (each is used once; a second
use ends the whole session), password guessing from a leaked table (argon2id).
Does not stop: whoever holds a valid access token before its session is ended; guessing of weak
passwords is slowed by the rate limits, not prevented.
When its dependency is down: without the database nobody is let in (503).
Standard: RFC 7519, 8725 (JWT best practice), 9068 (`at+jwt`), 6750, 9700 §4.14; ASVS 5.0 V6, V7,
V9. RS256 is a declared exception to ASVS 5.0 appendix C, for interoperability.
"""

from __future__ import annotations

from app.layers.authentication.keys import SigningKey, load_signing_key
from app.layers.authentication.passwords import Passwords
from app.layers.authentication.principal import (
    Authentication,
    Principal,
    Unauthenticated,
    authenticate,
    open_authentication,
)
from app.layers.authentication.settings import AuthenticationSettings
from app.layers.authentication.tokens import AccessTokens, Claims, InvalidTokenError

__all__ = [
    "AccessTokens",
    "Authentication",
    "AuthenticationSettings",
    "Claims",
    "InvalidTokenError",
    "Passwords",
    "Principal",
    "SigningKey",
    "Unauthenticated",
    "authenticate",
    "load_signing_key",
    "open_authentication",
]
