"""The key that signs our tokens, and its public half as a JWK Set (RFC 7517)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

MIN_BITS = 3072
"""128 bits of security (NIST SP 800-57, part 1, table 2)."""


class WeakKeyError(Exception):
    """The signing key can't be used. The message says why, and nothing of the key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key pair and its name."""

    private: RSAPrivateKey
    public: RSAPublicKey
    kid: str
    """The public key's thumbprint (RFC 7638), so that the name follows the key."""
    jwk: dict[str, Any]


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def load_signing_key(pem: str) -> SigningKey:
    """Return the key pair of a PEM private key.

    Raises:
        WeakKeyError: it is no RSA private key, or shorter than `MIN_BITS`.
    """
    try:
        private = load_pem_private_key(pem.encode("utf-8"), password=None)
    except (ValueError, TypeError) as error:
        raise WeakKeyError("the signing key is no unencrypted PEM private key") from error
    if not isinstance(private, RSAPrivateKey):
        raise WeakKeyError("the signing key is not an RSA key")
    if private.key_size < MIN_BITS:
        raise WeakKeyError(f"the signing key has {private.key_size} bits; it needs {MIN_BITS}")
    public = private.public_key()
    numbers = public.public_numbers()
    required = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode("ascii")
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest())
    kid = thumbprint.rstrip(b"=").decode("ascii")
    return SigningKey(private, public, kid, {**required, "use": "sig", "alg": "RS256", "kid": kid})
