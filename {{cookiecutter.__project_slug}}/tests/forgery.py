"""Tokens as an attacker makes them: any bytes in any part, signed with any key or none.

No library that makes tokens would make most of these. The forger holds the service's own key too,
so that a refusal can only be for the one thing that was changed.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stack import Account, Stack

ME = "/api/v1/accounts/me"
REFRESH = "/api/v1/accounts/refresh"
PEM = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)

Part = bytes | dict[str, Any]
"""A part of a token: the bytes themselves, or what they are the JSON of."""


def base64url(data: bytes) -> str:
    """Return it in base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unbase64url(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def as_bytes(part: Part) -> bytes:
    """Return the part's bytes; of an object, its JSON."""
    return part if isinstance(part, bytes) else json.dumps(part).encode("utf-8")


def rs256(key: RSAPrivateKey, signing_input: bytes) -> bytes:
    """Return the signature that the service would make with this key (RFC 7518 §3.3)."""
    return key.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())


def self_signed(key: RSAPrivateKey) -> str:
    """Return a certificate of the key as `x5c` holds it: DER in standard base64."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mine")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


@dataclass(frozen=True, slots=True)
class Forger:
    """Makes tokens that differ from an honest one in a single point."""

    account: Account
    key: RSAPrivateKey
    """The service's own."""
    jwk: dict[str, Any]
    """Its public half, as the service publishes it."""

    def header(self, **changes: Any) -> dict[str, Any]:
        """Return an honest header but for these; `None` takes a member away."""
        return _changed(jwt.get_unverified_header(self.account.access_token), changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return honest claims, issued now, but for these; `None` takes one away."""
        honest = self.theirs(self.account)
        now = int(time.time())
        fresh = {"iat": now, "exp": now + 60, "jti": uuid.uuid4().hex}
        fresh |= {"nbf": now} if "nbf" in honest else {}
        return _changed(honest | fresh, changes)

    @staticmethod
    def theirs(account: Account) -> dict[str, Any]:
        """Return what an account's access token says."""
        options: Any = {"verify_signature": False}
        claims: dict[str, Any] = jwt.decode(account.access_token, options=options)
        return claims

    def signing_input(self, header: Part | None = None, claims: Part | None = None) -> bytes:
        """Return the first two parts; honest where not said."""
        first = as_bytes(self.header() if header is None else header)
        second = as_bytes(self.claims() if claims is None else claims)
        return f"{base64url(first)}.{base64url(second)}".encode("ascii")

    def token(
        self,
        header: Part | None = None,
        claims: Part | None = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """Return a token of these parts, signed by RS256 with the service's key if not said."""
        signing_input = self.signing_input(header, claims)
        signature = rs256(self.key, signing_input) if sign is None else sign(signing_input)
        return f"{signing_input.decode('ascii')}.{base64url(signature)}"


def _changed(honest: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (honest | changes).items() if value is not None}


def forger_of(stack: Stack) -> Forger:
    """Return a forger with an account of its own."""
    text = Path(stack.service.settings["AUTHENTICATION__PRIVATE_KEY_FILE"]).read_text("ascii")
    found = PEM.search(text)
    assert found is not None
    key = load_pem_private_key(found.group().encode("ascii"), password=None)
    assert isinstance(key, RSAPrivateKey)
    (jwk,) = stack.client().get("/.well-known/jwks.json").json()["keys"]
    return Forger(stack.signup(), key, jwk)


def status_with(stack: Stack, token: str) -> int:
    """Return the status of a request that shows this token; a refusal must be the usual one."""
    answer = stack.client().get(ME, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "A valid access token is needed."
    return answer.status_code
