"""Layer 7: which keys of another issuer's set count. One test a rule; the twin is the good key."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.layers.authentication.jwks import MAX_KEYS, BadKeySetError, read_jwks
from app.layers.authentication.keys import required_members
from tests.in_process import signing_key_pem

_RSA = load_pem_private_key(signing_key_pem(2048).encode(), password=None)
RSA = required_members(_RSA.public_key())  # type: ignore[arg-type]
OTHER_RSA = required_members(
    load_pem_private_key(signing_key_pem().encode(), password=None).public_key()  # type: ignore[arg-type]
)
CURVE = ec.derive_private_key(7, ec.SECP256R1())
EC = required_members(CURVE.public_key())


def body(*keys: object, **beside: object) -> bytes:
    return json.dumps({"keys": keys, **beside}).encode()


def rsa(**changes: Any) -> dict[str, Any]:
    return {"kid": "a", **RSA, **changes}


def number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"use": "sig"},
        {"alg": "RS256"},
        {"key_ops": ["verify"]},
        {"use": "sig", "alg": "RS256", "x5t": "AAAA", "x5c": ["AAAA"], "nbf": 1},
    ],
    ids=lambda beside: "-".join(beside) or "bare",
)
def test_a_good_key_counts(beside: dict[str, Any]) -> None:
    keys, ignored = read_jwks(body(rsa(**beside), issuer="anything"), "RS256")
    assert ignored == []
    token = jwt.encode({"sub": "x"}, _RSA, algorithm="RS256")  # type: ignore[arg-type]
    assert jwt.decode(token, keys["a"].key, algorithms=["RS256"]) == {"sub": "x"}
    assert keys["a"].algorithm == "RS256"


def test_a_curve_counts_where_curves_are_used() -> None:
    keys, ignored = read_jwks(body({"kid": "a", **EC}), "ES256")
    assert ignored == []
    token = jwt.encode({"sub": "x"}, CURVE, algorithm="ES256")
    assert jwt.decode(token, keys["a"].key, algorithms=["ES256"]) == {"sub": "x"}


N = int.from_bytes(base64.urlsafe_b64decode(RSA["n"] + "=="), "big")
IGNORED: dict[str, tuple[object, str]] = {
    "a secret": ({"kid": "a", "kty": "oct", "k": "c2VjcmV0"}, "symmetric"),
    "a secret for our algorithm": (rsa(kty="oct", alg="RS256"), "symmetric"),
    "1024 bits": (rsa(n=number(1 << 1023 | 1)), "weak"),
    "2047 bits": (rsa(n=number(1 << 2046 | 1)), "weak"),
    "8193 bits": (rsa(n=number(1 << 8192 | 1)), "weak"),
    "an even modulus": (rsa(n=number(N - 1)), "weak"),
    "the exponent 1": (rsa(e="AQ"), "weak"),
    "the exponent 3": (rsa(e="Aw"), "weak"),
    "an even exponent": (rsa(e=number(65_538)), "weak"),
    "an endless exponent": (rsa(e=number(N - 2)), "weak"),
    "for encryption": (rsa(use="enc"), "for another use"),
    "for anything": (rsa(use=["sig"]), "for another use"),
    "for wrapping": (rsa(key_ops=["wrapKey"]), "for another use"),
    "operations that are no list": (rsa(key_ops="verify"), "for another use"),
    "another hash": (rsa(alg="RS512"), "for another algorithm"),
    "another padding": (rsa(alg="PS256"), "for another algorithm"),
    "an algorithm for secrets": (rsa(alg="HS256"), "for another algorithm"),
    "a curve": ({"kid": "a", **EC}, "of another kind"),
    "no kind": ({name: value for name, value in rsa().items() if name != "kty"}, "of another kind"),
    "a private key": (rsa(d="AQAB"), "private"),
    "half a private key": (rsa(p="AQAB"), "private"),
    "no name": (rsa(kid=None), "without a name"),
    "an empty name": (rsa(kid=""), "without a name"),
    "a number for a name": (rsa(kid=7), "without a name"),
    "a name without end": (rsa(kid="x" * 257), "without a name"),
    "no modulus": ({"kid": "a", "kty": "RSA", "e": "AQAB"}, "not well formed"),
    "a modulus of another alphabet": (rsa(n=RSA["n"][:-1] + "+"), "not well formed"),
    "a modulus with a line break": (rsa(n=RSA["n"] + "\n"), "not well formed"),
    "a modulus that is a number": (rsa(n=N % 2**53), "not well formed"),
    "a modulus without end": (rsa(n="A" * 1_401), "not well formed"),
    "base64 that can't be": (rsa(e="AQABA"), "not well formed"),
    "text": ("key", "not well formed"),
    "nothing": (None, "not well formed"),
}


@pytest.mark.parametrize("wrong", IGNORED)
def test_a_key_that_should_not_count_is_left_out_and_the_good_one_stays(wrong: str) -> None:
    jwk, reason = IGNORED[wrong]
    good = rsa(kid="good", n=OTHER_RSA["n"])
    keys, ignored = read_jwks(body(jwk, good), "RS256")
    assert list(keys) == ["good"]
    assert [one.reason for one in ignored] == [reason]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"crv": "P-384"}, "of another kind"),
        ({"crv": "secp256k1"}, "of another kind"),
        ({"x": EC["y"]}, "not well formed"),
        ({"x": "AA", "y": "AA"}, "not well formed"),
        ({"d": "Bw"}, "private"),
        ({"kty": "OKP"}, "of another kind"),
        ({"alg": "ES384"}, "for another algorithm"),
    ],
    ids=["another curve", "bitcoin", "off the curve", "zero", "private", "kind", "algorithm"],
)
def test_a_curve_that_should_not_count_is_left_out(changes: dict[str, str], reason: str) -> None:
    keys, ignored = read_jwks(body({"kid": "a", **EC, **changes}), "ES256")
    assert keys == {}
    assert [one.reason for one in ignored] == [reason]


def test_two_keys_of_one_name_are_both_left_out() -> None:
    good = rsa(kid="good")
    keys, ignored = read_jwks(body(rsa(), good, rsa(n=OTHER_RSA["n"])), "RS256")
    assert list(keys) == ["good"]
    assert [(one.kid, one.reason) for one in ignored] == [("a", "there more than once")]


def test_a_name_shared_with_a_key_that_does_not_count_is_no_matter() -> None:
    keys, ignored = read_jwks(body(rsa(use="enc"), rsa()), "RS256")
    assert list(keys) == ["a"]
    assert [one.reason for one in ignored] == ["for another use"]


def test_the_log_is_shown_the_beginning_of_a_name() -> None:
    (one,) = read_jwks(body(rsa(kid="x" * 200, use="enc")), "RS256")[1]
    assert one.kid == "x" * 64


def test_a_hundred_keys_are_read_and_one_more_is_no_set() -> None:
    many = [rsa(kid=str(position)) for position in range(MAX_KEYS)]
    assert len(read_jwks(body(*many), "RS256")[0]) == MAX_KEYS
    with pytest.raises(BadKeySetError, match="too many"):
        read_jwks(body(*many, rsa()), "RS256")
