"""Layer 7 under attack: tokens that say by which algorithm and key they want to be checked."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tests.forgery import Forger, base64url, rs256, self_signed, status_with, unbase64url
from tests.in_process import signing_key_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stack import Stack

# No signature at all


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "NONE", "nOnE", "none ", "", " ", None, 0, True, ["none"], {"alg": "none"}],
    ids=ascii,
)
@pytest.mark.parametrize("signature", ["nothing", "one byte", "an honest one"])
def test_attack_an_algorithm_that_signs_nothing(
    stack: Stack, forger: Forger, algorithm: Any, signature: str
) -> None:
    """CVE-2015-9235, and its spellings since (CVE-2020-28042)."""
    header = forger.header() | {"alg": algorithm}
    signatures = {"nothing": b"", "one byte": b"\0", "an honest one": None}
    made = signatures[signature]
    sign = None if made is None else lambda _: made
    assert status_with(stack, forger.token(header, sign=sign)) == 401


def test_attack_no_algorithm_named(stack: Stack, forger: Forger) -> None:
    for sign in (None, lambda _: b""):
        assert status_with(stack, forger.token(forger.header(alg=None), sign=sign)) == 401


# The public key as a secret


def _public(forger: Forger, encoding: Encoding, form: PublicFormat) -> bytes:
    return forger.key.public_key().public_bytes(encoding, form)


def _pem(forger: Forger) -> bytes:
    return _public(forger, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _hmac(secret: bytes, digest: str, data: bytes) -> bytes:
    return hmac.digest(secret, data, digest)


SECRETS: dict[str, Callable[[Forger], bytes]] = {
    "PEM": _pem,
    "PEM without its last newline": lambda forger: _pem(forger).rstrip(),
    "PEM with newlines of Windows": lambda forger: _pem(forger).replace(b"\n", b"\r\n"),
    "PEM of PKCS 1": lambda forger: _public(forger, Encoding.PEM, PublicFormat.PKCS1),
    "DER": lambda forger: _public(forger, Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "DER of PKCS 1": lambda forger: _public(forger, Encoding.DER, PublicFormat.PKCS1),
    "JWK": lambda forger: json.dumps(forger.jwk).encode(),
    "JWK without spaces": lambda forger: json.dumps(forger.jwk, separators=(",", ":")).encode(),
    "modulus": lambda forger: unbase64url(forger.jwk["n"]),
    "modulus as text": lambda forger: str(forger.jwk["n"]).encode(),
    "kid": lambda forger: str(forger.jwk["kid"]).encode(),
    "nothing": lambda _: b"",
    "a word": lambda _: b"secret",
}


@pytest.mark.parametrize("secret", SECRETS)
def test_attack_the_public_key_as_a_secret(stack: Stack, forger: Forger, secret: str) -> None:
    """CVE-2016-10555: whoever lets the token choose HS256 makes a secret of what is public."""
    value = SECRETS[secret](forger)
    for name, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        header = forger.header(alg=name)
        forged = forger.token(header, sign=partial(_hmac, value, digest))
        assert status_with(stack, forged) == 401
    labelled = forger.token(sign=partial(_hmac, value, "sha256"))
    assert status_with(stack, labelled) == 401


# Other algorithms with the right key


def _pss(forger: Forger, digest: hashes.HashAlgorithm) -> Callable[[bytes], bytes]:
    salted = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return lambda data: forger.key.sign(data, salted, digest)


def _pkcs1(forger: Forger, digest: hashes.HashAlgorithm) -> Callable[[bytes], bytes]:
    return lambda data: forger.key.sign(data, padding.PKCS1v15(), digest)


OTHERS: dict[str, Callable[[Forger], Callable[[bytes], bytes]]] = {
    "RS384": lambda forger: _pkcs1(forger, hashes.SHA384()),
    "RS512": lambda forger: _pkcs1(forger, hashes.SHA512()),
    "PS256": lambda forger: _pss(forger, hashes.SHA256()),
    "PS384": lambda forger: _pss(forger, hashes.SHA384()),
    "PS512": lambda forger: _pss(forger, hashes.SHA512()),
}


@pytest.mark.parametrize("algorithm", OTHERS)
@pytest.mark.parametrize("is_labelled", [True, False], ids=["by its name", "as RS256"])
def test_attack_another_algorithm_with_the_right_key(
    stack: Stack, forger: Forger, algorithm: str, *, is_labelled: bool
) -> None:
    """One algorithm a key (RFC 8725 §3.1): the configuration's."""
    header = forger.header(alg=algorithm) if is_labelled else forger.header()
    assert status_with(stack, forger.token(header, sign=OTHERS[algorithm](forger))) == 401


@pytest.mark.parametrize(
    "name", ["rs256", "RS256 ", "RS256\0", "RSA", "RSASSA-PKCS1-v1_5", "EdDSA", "RSA1_5", "SHA256"]
)
def test_attack_the_right_signature_under_another_name(
    stack: Stack, forger: Forger, name: str
) -> None:
    assert status_with(stack, forger.token(forger.header(alg=name))) == 401


# Keys that the token brings along


def _curve() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(7, ec.SECP256R1())


def _es256(data: bytes) -> bytes:
    first, second = decode_dss_signature(_curve().sign(data, ec.ECDSA(hashes.SHA256())))
    return first.to_bytes(32, "big") + second.to_bytes(32, "big")


@pytest.mark.parametrize("signature", ["of a key of mine", "of zeros"])
def test_attack_an_elliptic_signature(stack: Stack, forger: Forger, signature: str) -> None:
    """Zeros satisfied a whole platform once (CVE-2022-21449)."""
    point = _curve().public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "kid": forger.jwk["kid"]}
    jwk |= {
        "x": base64url(point.x.to_bytes(32, "big")),
        "y": base64url(point.y.to_bytes(32, "big")),
    }
    sign = _es256 if signature == "of a key of mine" else lambda _: bytes(64)
    for header in (forger.header(alg="ES256"), forger.header(alg="ES256", jwk=jwk)):
        assert status_with(stack, forger.token(header, sign=sign)) == 401


def _mine() -> Any:
    return load_pem_private_key(signing_key_pem(2048).encode("ascii"), password=None)


def _my_jwk(kid: str) -> dict[str, Any]:
    numbers = _mine().public_key().public_numbers()
    modulus = base64url(numbers.n.to_bytes(256, "big"))
    return {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "use": "sig", "kid": kid}


BROUGHT: dict[str, Callable[[Forger], dict[str, Any]]] = {
    "a JWK under the service's kid": lambda forger: {"jwk": _my_jwk(forger.jwk["kid"])},
    "a JWK under a kid of mine": lambda _: {"jwk": _my_jwk("mine"), "kid": "mine"},
    "a JWK and no kid": lambda _: {"jwk": _my_jwk("mine"), "kid": None},
    "a certificate": lambda _: {"x5c": [self_signed(_mine())]},
    "a certificate and its print": lambda _: {
        "x5c": [self_signed(_mine())],
        "x5t#S256": base64url(hashlib.sha256(self_signed(_mine()).encode()).digest()),
    },
    "no key at all": lambda _: {},
}


@pytest.mark.parametrize("brought", BROUGHT)
def test_attack_a_key_brought_along(stack: Stack, forger: Forger, brought: str) -> None:
    """CVE-2018-0114: the key that came with the token verified the token."""
    header = forger.header(**BROUGHT[brought](forger))
    assert status_with(stack, forger.token(header, sign=lambda data: rs256(_mine(), data))) == 401


@pytest.mark.parametrize("name", ["jku", "x5u", "iss", "jwks_uri"])
def test_attack_a_key_to_be_fetched_is_not_fetched(stack: Stack, forger: Forger, name: str) -> None:
    """Whoever fetches it is also a scanner of the network behind (RFC 8725 §3.10)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]
        header = forger.header(**{name: f"http://127.0.0.1:{port}/jwks.json"}, kid="mine")
        forged = forger.token(header, sign=lambda data: rs256(_mine(), data))
        assert status_with(stack, forged) == 401
        with pytest.raises(BlockingIOError):
            listening.accept()
        socket.create_connection(("127.0.0.1", port)).close()
        listening.accept()[0].close()  # it would have been heard


# Signatures that are numbers, after all


def _as_number(change: Callable[[int, int], int]) -> Callable[[Forger, bytes], bytes]:
    def made(forger: Forger, data: bytes) -> bytes:
        modulus = forger.key.public_key().public_numbers().n
        number = change(int.from_bytes(rs256(forger.key, data), "big"), modulus)
        return number.to_bytes(max(384, (number.bit_length() + 7) // 8), "big")

    return made


SIGNATURES: dict[str, Callable[[Forger, bytes], bytes]] = {
    "empty": lambda _, __: b"",
    "zero": lambda _, __: bytes(384),
    "one": lambda _, __: bytes(383) + b"\1",
    "all ones": lambda _, __: b"\xff" * 384,
    "the modulus": _as_number(lambda _, modulus: modulus),
    "plus the modulus": _as_number(lambda number, modulus: number + modulus),
    "minus itself": _as_number(lambda number, modulus: modulus - number),
    "with a zero before": lambda forger, data: b"\0" + rs256(forger.key, data),
    "with a zero behind": lambda forger, data: rs256(forger.key, data) + b"\0",
    "a byte short": lambda forger, data: rs256(forger.key, data)[:-1],
    "twice": lambda forger, data: rs256(forger.key, data) * 2,
    "backwards": lambda forger, data: rs256(forger.key, data)[::-1],
    "of other data": lambda forger, data: rs256(forger.key, data + b"."),
    "a bare hash": lambda _, data: hashlib.sha256(data).digest(),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_attack_a_signature_that_is_nearly_right(stack: Stack, forger: Forger, name: str) -> None:
    made = forger.token(sign=lambda data: SIGNATURES[name](forger, data))
    assert status_with(stack, made) == 401


# Twins


def test_twin_the_configured_algorithm_and_the_published_key(stack: Stack, forger: Forger) -> None:
    """All tokens above are made by the same hands, and differ from this one in a point each."""
    assert status_with(stack, forger.token()) == 200


def test_twin_members_of_the_header_that_mean_nothing_are_no_harm(
    stack: Stack, forger: Forger
) -> None:
    """RFC 7515 §4: what is not understood and not critical is ignored."""
    assert status_with(stack, forger.token(forger.header(note="hello"))) == 200


def test_twin_the_published_key_is_the_one_that_signs(forger: Forger) -> None:
    """The public half that the attacks above used is the real one."""
    modulus = int.from_bytes(unbase64url(forger.jwk["n"]), "big")
    assert modulus == forger.key.public_key().public_numbers().n
