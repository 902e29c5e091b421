"""Layer 7, authentication: who is asking.

Stops: forged tokens (one algorithm, from our configuration and never from the token: no `none`, no
HS256 with the public key; our own RSA keys have at least 3072 bits, another issuer's 2048), tokens
made for another purpose or service (`typ`, `iss`, `aud`), expired and long-lived ones, tokens of
ended sessions and disabled users (the database decides on every request; its word is remembered for
seconds, and every worker is told when it changes), stolen refresh tokens (each is used once; a
second use ends the whole session), password guessing from a leaked table (argon2id), another
issuer's weak, private, symmetric or ambiguous keys, and floods on it through us.
Does not stop: whoever holds a valid access token before its session is ended; guessing of weak
passwords is slowed by the rate limits, not prevented; another issuer that lies about its users, or
ends a session of its own (its token counts until it runs out, or we disable the user).
When its dependency is down: without the database nobody is let in (503). Without Redis nothing of a
session is remembered, and every request asks the database. When another issuer does not answer, its
last keys count for a stated time, and then nobody is let in (503).
Standard: RFC 7519, 8725 (JWT best practice), 9068 (`at+jwt`), 6750, 7517, 9728, 9700 §4.14; ASVS
5.0 V6, V7, V9. RS256 is a declared exception to ASVS 5.0 appendix C, for interoperability.
"""

from __future__ import annotations

from app.layers.authentication.challenges import (
    Unauthenticated,
    insufficient_scope,
    resource_url,
)
from app.layers.authentication.key_ring import KeyRing
from app.layers.authentication.key_set import BadCertificatesError, kept_fresh
from app.layers.authentication.keys import KeySet, PublicKey, SigningKey, load_signing_key
from app.layers.authentication.passwords import Passwords
from app.layers.authentication.principal import (
    Authentication,
    Principal,
    authenticate,
    open_authentication,
)
from app.layers.authentication.sessions import Sessions, open_sessions
from app.layers.authentication.settings import AuthenticationSettings
from app.layers.authentication.tokens import (
    AccessTokens,
    Claims,
    InvalidTokenError,
    TokenVerifier,
)

__all__ = [
    "AccessTokens",
    "Authentication",
    "AuthenticationSettings",
    "BadCertificatesError",
    "Claims",
    "InvalidTokenError",
    "KeyRing",
    "KeySet",
    "Passwords",
    "Principal",
    "PublicKey",
    "Sessions",
    "SigningKey",
    "TokenVerifier",
    "Unauthenticated",
    "authenticate",
    "insufficient_scope",
    "kept_fresh",
    "load_signing_key",
    "open_authentication",
    "open_sessions",
    "resource_url",
]
