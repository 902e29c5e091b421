"""Layer 7 under attack: tokens within tokens, other serializations, extensions, and sizes."""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.forgery import ME, Forger, base64url, rs256, status_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stack import Stack

# Other serializations


def _flattened(token: str) -> str:
    head, body, signature = token.split(".")
    return json.dumps({"payload": body, "protected": head, "signature": signature})


def _general(token: str) -> str:
    head, body, signature = token.split(".")
    return json.dumps(
        {"payload": body, "signatures": [{"protected": head, "signature": signature}]}
    )


@pytest.mark.parametrize("form", [_flattened, _general], ids=["flattened", "general"])
def test_attack_the_json_serializations(
    stack: Stack, forger: Forger, form: Callable[[str], str]
) -> None:
    """RFC 7515 §7.2; a JWT is always compact (RFC 7519 §1)."""
    made = form(forger.token())
    assert status_with(stack, made.replace(" ", "")) == 401
    assert status_with(stack, base64url(made.encode("ascii"))) == 401


def _jwe(forger: Forger, plain: bytes, **header: Any) -> str:
    """Return it encrypted to the service's public key, as anybody can (RFC 7516 §7.1)."""
    protected = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": forger.jwk["kid"]} | header
    head = base64url(json.dumps(protected).encode("ascii"))
    secret, nonce = os.urandom(32), os.urandom(12)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    sealed = AESGCM(secret).encrypt(nonce, plain, head.encode("ascii"))
    wrapped = forger.key.public_key().encrypt(secret, oaep)
    return ".".join([head, *map(base64url, (wrapped, nonce, sealed[:-16], sealed[-16:]))])


def test_attack_an_encrypted_token(stack: Stack, forger: Forger) -> None:
    """Whoever decrypts it and believes what is inside took a public key for a signature."""
    unsigned = base64url(b'{"alg":"none"}') + "." + forger.signing_input().decode().split(".")[1]
    for inside in (f"{unsigned}.".encode("ascii"), json.dumps(forger.claims()).encode("ascii")):
        for kind in ("at+jwt", "JWT"):
            assert status_with(stack, _jwe(forger, inside, typ=kind, cty="JWT")) == 401


def test_attack_a_token_within_a_token(stack: Stack, forger: Forger) -> None:
    inner = forger.token()
    for claims in (inner.encode("ascii"), json.dumps(inner).encode("ascii")):
        assert status_with(stack, forger.token(forger.header(cty="JWT"), claims)) == 401


def test_attack_a_compressed_token(stack: Stack, forger: Forger) -> None:
    """`zip` is for encrypted tokens (RFC 7516 §4.1.3); here it would be a bomb's fuse."""
    small = zlib.compressobj(9, zlib.DEFLATED, -15)
    claims = json.dumps(forger.claims()).encode("ascii") + b" " * 1_000_000
    packed = small.compress(claims) + small.flush()
    assert status_with(stack, forger.token(forger.header(zip="DEF"), packed)) == 401


CRITICAL: dict[str, dict[str, Any]] = {
    "something unknown": {"crit": ["http://example.test/x"], "http://example.test/x": 1},
    "nothing": {"crit": []},
    "a text": {"crit": "exp"},
    "a registered name": {"crit": ["alg"]},
    "a name that is not there": {"crit": ["b64"]},
    "encoded as usual": {"crit": ["b64"], "b64": True},
    "false": {"crit": False},
}


@pytest.mark.parametrize("critical", CRITICAL)
def test_attack_something_critical_that_nobody_understands(
    stack: Stack, forger: Forger, critical: str
) -> None:
    """RFC 7515 §4.1.11, CVE-2025-59420: to ignore it is to ignore what the token depends on."""
    assert status_with(stack, forger.token(forger.header(**CRITICAL[critical]))) == 401


@pytest.mark.parametrize("is_critical", [True, False], ids=["critical", "not critical"])
@pytest.mark.parametrize("form", ["inside", "detached", "encoded"])
def test_attack_a_payload_that_is_not_encoded(
    stack: Stack, forger: Forger, form: str, *, is_critical: bool
) -> None:
    """RFC 7797: the same signature over two readings of one text."""
    header = forger.header(b64=False) | ({"crit": ["b64"]} if is_critical else {})
    head = base64url(json.dumps(header).encode("ascii"))
    claims = json.dumps(forger.claims(), separators=(",", ":"))
    encoded = base64url(claims.encode("ascii"))
    shown, signed = {
        "inside": (claims, claims),
        "detached": ("", claims),
        "encoded": (encoded, encoded),
    }[form]
    signature = base64url(rs256(forger.key, f"{head}.{signed}".encode("ascii")))
    assert status_with(stack, f"{head}.{shown}.{signature}") == 401


def _answer(stack: Stack, token: str) -> httpx.Response:
    return stack.client().get(ME, headers={"Authorization": f"Bearer {token}"})


def _grown(forger: Forger, length: int) -> str:
    """Return an honest token of this many bytes: its claims hold much that means nothing."""
    note = ""
    while len(token := forger.token(claims=forger.claims(note=note))) < length:
        note += "a" * max(1, (length - len(token)) * 3 // 4 - 2)
    return token


@pytest.mark.parametrize("length", [4_097, 5_000, 7_900])
def test_attack_a_token_too_large_to_be_looked_at(
    stack: Stack, forger: Forger, length: int
) -> None:
    """Honest but for its size: parsing must not cost more than the service is ready to pay."""
    assert _answer(stack, _grown(forger, length)).status_code == 401


@pytest.mark.parametrize("length", [9_000, 200_000])
def test_attack_a_token_too_large_for_a_header(stack: Stack, length: int) -> None:
    try:
        answer = _answer(stack, "a" * length)
    except httpx.TransportError:
        return  # the edge hung up while it was still being sent
    assert answer.status_code == 400


# Twins


def test_twin_a_token_of_nearly_four_kilobytes(stack: Stack, forger: Forger) -> None:
    token = _grown(forger, 4_080)
    assert 4_080 <= len(token) <= 4_096
    assert status_with(stack, token) == 200


def test_twin_extensions_that_nobody_calls_critical(stack: Stack, forger: Forger) -> None:
    """RFC 7515 §4.2: private members are ignored by who does not know them."""
    header = forger.header(ext=1, **{"http://example.test/x": {"a": [1]}})
    assert status_with(stack, forger.token(header)) == 200
