"""Tokens made by hand, for tests of which ones are believed: right to the letter, or wrong in one.

Everything is signed with the service's own key unless said otherwise, so that a refusal is for what
was changed and not for the signature.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from app.layers.authentication import AuthenticationSettings, TokenVerifier
from app.layers.authentication.key_ring import KeyRing, open_key_ring
from tests.in_process import signing_key_pem

if TYPE_CHECKING:
    from app.layers.authentication import Claims, KeySet

USER = uuid.UUID("6f2d5ac4-6f0e-4b6b-9d53-3f3f5d1c0a11")
SESSION = uuid.UUID("0b9f2f57-51ba-4a0e-8a2e-6f6e0f4dfc22")
SKEW = 60
"""Seconds. The widest there is, so that no test of a time depends on how fast it runs."""


@cache
def curve_key_pem(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> str:
    """Return a private key of a curve in PEM, the same in the whole run."""
    key = ec.generate_private_key(curve())
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded.decode("ascii")


def settings_with(**changes: Any) -> AuthenticationSettings:
    """Return settings with the run's keys; `changes` go over them."""
    pem = curve_key_pem() if changes.get("algorithm") == "ES256" else signing_key_pem()
    ours = {} if "jwks_url" in changes else {"private_key": SecretStr(pem)}
    chosen = {**ours, "clock_skew_seconds": SKEW, **changes}
    return AuthenticationSettings.model_validate(chosen)


@cache
def ring_for(algorithm: str) -> KeyRing:
    """Return the ring of the one key for an algorithm; reading an RSA key takes a while."""
    return open_key_ring(settings_with(algorithm=algorithm))


SETTINGS = settings_with()
RING = ring_for("RS256")
KEY = RING.signer()


def verifier_with(keys: KeySet | None = None, **changes: Any) -> TokenVerifier:
    """Return a verifier that remembers nothing yet, of other settings."""
    settings = settings_with(**changes)
    return TokenVerifier(settings, keys or ring_for(settings.algorithm))


VERIFIER = verifier_with()


def believed(token: str, verifier: TokenVerifier = VERIFIER) -> Claims:
    """Return what the verifier reads in the token, without its memory.

    Raises:
        InvalidTokenError: nothing.
    """
    return asyncio.run(verifier.verify(token))


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of an honest token; a change to None leaves one out.

    A `timedelta` is that long after the call: a time that was taken when the tests were collected
    would be long ago.
    """
    now = int(time.time())
    honest = {
        "iss": SETTINGS.issuer,
        "aud": SETTINGS.audience,
        "sub": str(USER),
        "sid": str(SESSION),
        "jti": "1",
        "scope": "notes:read",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
    }
    moments = {
        name: now + int(value.total_seconds())
        for name, value in changes.items()
        if isinstance(value, timedelta)
    }
    return {
        name: value for name, value in (honest | changes | moments).items() if value is not None
    }


def header(**changes: Any) -> dict[str, Any]:
    """Return the header of an honest token; a change to None leaves a member out."""
    honest = {"alg": "RS256", "kid": KEY.kid, "typ": "at+jwt"}
    return {name: value for name, value in (honest | changes).items() if value is not None}


def base64url(data: bytes) -> str:
    """Return the bytes as a part of a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def as_bytes(part: object) -> bytes:
    """Return bytes as they are, a text in UTF-8 and anything else as JSON."""
    if isinstance(part, bytes):
        return part
    return (part if isinstance(part, str) else json.dumps(part)).encode("utf-8")


def signature(signing_input: bytes, algorithm: str = "RS256", key: Any = None) -> bytes:
    """Return the signature over any bytes, by the run's key if not said otherwise."""
    private = key if key is not None else ring_for(algorithm).signer().private
    signed: bytes = jwt.get_algorithm_by_name(algorithm).sign(signing_input, private)
    return signed


def compact(
    head: object = None, payload: object = None, *, algorithm: str = "RS256", key: Any = None
) -> str:
    """Return a token with a true signature over whatever header and payload it is given."""
    parts = [header() if head is None else head, claims() if payload is None else payload]
    signing_input = ".".join(base64url(as_bytes(part)) for part in parts)
    return f"{signing_input}.{base64url(signature(signing_input.encode(), algorithm, key))}"


def signed(**changes: Any) -> str:
    """Return a token that is honest but for these claims."""
    return compact(payload=claims(**changes))


def with_header(**changes: Any) -> str:
    """Return a token that is honest but for these members of its header."""
    return compact(header(**changes))


def over(head: str, payload: str) -> str:
    """Return a token with a true signature over two parts that stand as they are given."""
    return f"{head}.{payload}.{base64url(signature(f'{head}.{payload}'.encode()))}"


def other_spelling(part: str) -> str:
    """Return base64url that decodes to the same bytes, if a reader minds no spare bits.

    The part's bytes must not be a multiple of three, or there are none.
    """
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4, "no spare bits"
    return part[:-1] + letters[letters.index(part[-1]) + 1]


def uneven(members: dict[str, Any]) -> str:
    """Return the members as a part of a token that has spare bits at its end."""
    text = json.dumps(members)
    return base64url(f"{text}{' ' * ((1 - len(text)) % 3)}".encode())
