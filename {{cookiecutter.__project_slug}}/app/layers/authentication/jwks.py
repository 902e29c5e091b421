"""Another issuer's JWK Set (RFC 7517), read: which of its keys count, and why the others do not.

The issuer is trusted to say who its users are. It is not trusted to be well: a key that is weak,
for something else, private or there twice is left out, and the log says so.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from app.layers.authentication.jose import MAX_KID
from app.layers.authentication.keys import PublicKey, is_roca

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from app.layers.authentication.keys import Algorithm

MAX_KEYS = 100
"""Of all kinds in one set. The largest public issuers have a dozen."""
MIN_BITS = 2048
"""Of another issuer's RSA key: 112 bits of security, what NIST SP 800-131A allows. Ours are longer,
but many issuers' are not."""
MAX_BITS = 8192
"""Above, each signature would cost us more than its maker."""
MIN_EXPONENT, MAX_EXPONENT = 65_537, 1 << 32
"""From the least that FIPS 186-5 §5.1 approves; a long one makes verifying as slow as signing."""
SHOWN = 64
"""Characters of an ignored key's name that the log shows."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,1400}", re.ASCII)


class BadKeySetError(Exception):
    """What came is no set of keys. The message is for the log."""


class _IgnoredError(Exception):
    """This key does not count; the message says why."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that does not count: its name as far as it can be shown, and why."""

    kid: str
    reason: str


def _number(jwk: dict[str, Any], name: str) -> int:
    text = jwk.get(name)
    if not isinstance(text, str) or _BASE64URL.fullmatch(text) is None or len(text) % 4 == 1:
        raise _IgnoredError("not well formed")
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _rsa(jwk: dict[str, Any]) -> RSAPublicKey:
    modulus, exponent = _number(jwk, "n"), _number(jwk, "e")
    if not MIN_BITS <= modulus.bit_length() <= MAX_BITS or modulus % 2 == 0:
        raise _IgnoredError("weak")
    if is_roca(modulus):
        raise _IgnoredError("weak")
    if not MIN_EXPONENT <= exponent <= MAX_EXPONENT or exponent % 2 == 0:
        raise _IgnoredError("weak")
    return RSAPublicNumbers(exponent, modulus).public_key()


def _p256(jwk: dict[str, Any]) -> EllipticCurvePublicKey:
    if jwk.get("crv") != "P-256":
        raise _IgnoredError("of another kind")
    try:  # it looks whether the point is on the curve
        return EllipticCurvePublicNumbers(
            _number(jwk, "x"), _number(jwk, "y"), SECP256R1()
        ).public_key()
    except ValueError:
        raise _IgnoredError("not well formed") from None


def _read_key(jwk: object, algorithm: Algorithm) -> PublicKey:
    """Return one key.

    Raises:
        _IgnoredError: it does not count.
    """
    if not isinstance(jwk, dict):
        raise _IgnoredError("not well formed")
    kid, uses = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if jwk.get("kty") == "oct":  # whoever can read it can sign with it, and it was published
        raise _IgnoredError("symmetric")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise _IgnoredError("without a name")
    if jwk.get("use", "sig") != "sig" or not (isinstance(uses, list) and "verify" in uses):
        raise _IgnoredError("for another use")
    if jwk.get("alg", algorithm) != algorithm:
        raise _IgnoredError("for another algorithm")
    if jwk.get("kty") != ("EC" if algorithm == "ES256" else "RSA"):
        raise _IgnoredError("of another kind")
    if not _PRIVATE.isdisjoint(jwk):  # everybody can sign with it now
        raise _IgnoredError("private")
    return PublicKey(kid, _p256(jwk) if algorithm == "ES256" else _rsa(jwk), algorithm)


def _name(jwk: object) -> str:
    kid = jwk.get("kid") if isinstance(jwk, dict) else None
    return kid[:SHOWN] if isinstance(kid, str) else "?"


def read_jwks(body: bytes, algorithm: Algorithm) -> tuple[dict[str, PublicKey], list[Ignored]]:
    """Return the keys that count by their names, and those that do not.

    Two keys of one name are both left out: to take either would be a guess at which one is meant.

    Args:
        body: as it came.
        algorithm: the configured one; keys for any other are not ours to use.

    Raises:
        BadKeySetError: it is no JWK Set, or one with more than `MAX_KEYS` keys.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadKeySetError("not JSON") from error
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise BadKeySetError("not a JWK Set")
    if len(listed) > MAX_KEYS:
        raise BadKeySetError("too many keys")
    named: dict[str, list[PublicKey]] = defaultdict(list)
    ignored = []
    for jwk in listed:
        try:
            key = _read_key(jwk, algorithm)
        except _IgnoredError as reason:
            ignored.append(Ignored(_name(jwk), str(reason)))
        else:
            named[key.kid].append(key)
    keys = {kid: several[0] for kid, several in named.items() if len(several) == 1}
    ignored += [Ignored(kid[:SHOWN], "there more than once") for kid in named.keys() - keys.keys()]
    return keys, ignored
