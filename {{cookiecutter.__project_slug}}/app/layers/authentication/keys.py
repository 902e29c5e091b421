"""The keys that sign our tokens, read from one PEM text, and their public halves (RFC 7517).

A text may hold several private keys, each with its moment in the explanatory text that RFC 7468 §2
allows before a key: `signs from: 2030-01-31T12:00:00Z`. A key without one signs from the beginning.
`key_ring.py` says what follows from the moments.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

Algorithm = Literal["RS256", "PS256", "ES256"]
"""Of RFC 7518 §3.1. The first is what everybody reads; the others are what ASVS 5.0 approves."""

MIN_BITS = 3072
"""Of an RSA key: 128 bits of security (NIST SP 800-57, part 1, table 2), as P-256 has."""
SIGNS_FROM = "signs from: "
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA = {
    prime: frozenset(pow(65_537, power, prime) for power in range(prime)) for prime in _ROCA_PRIMES
}
"""What a modulus of CVE-2017-15361 leaves when divided by these primes: a power of 65537, each
time. Of other moduli, one in 240 million does."""
_BLOCK = re.compile(
    r"\s*(?:signs from: (?P<moment>\S+)[ \t]*\n)?"
    r"(?P<key>-----BEGIN (?P<label>[A-Z ]*PRIVATE KEY)-----\n"
    r"[A-Za-z0-9+/=\s]+?-----END (?P=label)-----)\s*"
)


class WeakKeyError(Exception):
    """The signing keys can't be used. The message says why, and nothing of a key."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies, the name that tokens call it by, and the one algorithm it is for."""

    kid: str
    key: RSAPublicKey | EllipticCurvePublicKey
    algorithm: Algorithm


class KeySet(Protocol):
    """The keys that verify tokens, whoever signs: our own ring, or another issuer's key set."""

    @property
    def version(self) -> int:
        """Another number whenever a key may have gone: what it verified is to be forgotten."""

    @property
    def is_open(self) -> bool:
        """Whether there is any key to believe."""

    async def find(self, kid: str) -> PublicKey | None:
        """Return the key of this name, or None where there is none to be trusted now."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, its name, and when it begins to sign."""

    private: RSAPrivateKey | EllipticCurvePrivateKey
    public: PublicKey
    jwk: dict[str, Any]
    """The public half, as published."""
    signs_from: float
    """Seconds since the epoch; minus infinity when nothing is said."""

    @property
    def kid(self) -> str:
        """The public key's thumbprint (RFC 7638), so that the name follows the key."""
        return self.public.kid

    def secret(self, purpose: str) -> bytes:
        """Return 32 secret bytes for one purpose, the same in every worker (HKDF, RFC 5869)."""
        material = self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return HKDF(SHA256(), 32, None, purpose.encode("utf-8")).derive(material)


def _base64url(number: int, size: int) -> str:
    raw = number.to_bytes(size, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def required_members(key: RSAPublicKey | EllipticCurvePublicKey) -> dict[str, str]:
    """Return what makes the key up, as RFC 7638 §3.2 takes it for the thumbprint."""
    if isinstance(key, RSAPublicKey):
        rsa = key.public_numbers()
        sizes = [(number.bit_length() + 7) // 8 for number in (rsa.e, rsa.n)]
        return {"e": _base64url(rsa.e, sizes[0]), "kty": "RSA", "n": _base64url(rsa.n, sizes[1])}
    point = key.public_numbers()
    # RFC 7518 §6.2.1.2: the whole length of the curve's coordinates, leading zeros too.
    size = (key.key_size + 7) // 8
    coordinates = {"x": _base64url(point.x, size), "y": _base64url(point.y, size)}
    return {"crv": "P-256", "kty": "EC", **coordinates}


def thumbprint(key: RSAPublicKey | EllipticCurvePublicKey) -> str:
    """Return the key's SHA-256 thumbprint (RFC 7638)."""
    canonical = json.dumps(required_members(key), separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(canonical.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def is_roca(modulus: int) -> bool:
    """Whether a modulus was made by the chips of CVE-2017-15361, and can be factored."""
    return all(modulus % prime in powers for prime, powers in _ROCA.items())


def _fitting(key: object, algorithm: Algorithm) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """Return the key if it is of the kind and strength that the algorithm takes.

    Raises:
        WeakKeyError: it is not.
    """
    if algorithm == "ES256":
        if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
            return key
        raise WeakKeyError("the signing key is not a P-256 key, which ES256 takes")
    if not isinstance(key, RSAPrivateKey):
        raise WeakKeyError(f"the signing key is not an RSA key, which {algorithm} takes")
    if key.key_size < MIN_BITS:
        raise WeakKeyError(f"the signing key has {key.key_size} bits; it needs {MIN_BITS}")
    if is_roca(key.public_key().public_numbers().n):
        raise WeakKeyError("the signing key can be guessed from its public half (CVE-2017-15361)")
    return key


def _moment(text: str | None) -> float:
    if text is None:
        return float("-inf")
    try:
        return datetime.strptime(f"{text}+0000", f"{MOMENT}%z").timestamp()
    except ValueError:
        raise WeakKeyError(
            "a signing key signs from no moment; it is written 2030-01-31T12:00:00Z"
        ) from None


def load_signing_key(
    pem: str, algorithm: Algorithm = "RS256", signs_from: float = float("-inf")
) -> SigningKey:
    """Return the key pair of one PEM private key.

    Raises:
        WeakKeyError: it is none, encrypted, of another kind than the algorithm's, or too short.
    """
    try:
        loaded = load_pem_private_key(pem.encode("utf-8"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WeakKeyError("the signing key is no unencrypted PEM private key") from error
    private = _fitting(loaded, algorithm)
    public = PublicKey(thumbprint(private.public_key()), private.public_key(), algorithm)
    jwk = required_members(public.key) | {"use": "sig", "alg": algorithm, "kid": public.kid}
    return SigningKey(private, public, jwk, signs_from)


def load_signing_keys(text: str, algorithm: Algorithm = "RS256") -> list[SigningKey]:
    """Return the keys of a PEM text, by the moments from which they sign.

    Raises:
        WeakKeyError: a key can't be used, two are one or sign from the same moment, or there is
            text that is neither a key nor its moment: a misspelt moment must not go unseen.
    """
    keys, position = [], 0
    text = text.replace("\r\n", "\n")
    while block := _BLOCK.match(text, position):
        keys.append(load_signing_key(block["key"], algorithm, _moment(block["moment"])))
        position = block.end()
    if position != len(text) or not keys:
        raise WeakKeyError(
            "the signing key is no unencrypted PEM private key"
            if not keys
            else f"after {len(keys)} signing keys there is text that is neither a key nor "
            f'"{SIGNS_FROM}" and a moment'
        )
    if len({key.kid for key in keys}) < len(keys):
        raise WeakKeyError("one signing key is there twice")
    if len({key.signs_from for key in keys}) < len(keys):
        raise WeakKeyError("two signing keys sign from the same moment")
    return sorted(keys, key=lambda key: key.signs_from)
