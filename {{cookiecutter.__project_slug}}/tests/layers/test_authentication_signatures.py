"""Layer 7, what a token is signed with: our key, our algorithm, and nothing that is nearly so."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from app.layers.authentication import InvalidTokenError, PublicKey
from tests.in_process import signing_key_pem
from tests.tokens import (
    KEY,
    USER,
    base64url,
    believed,
    compact,
    header,
    other_spelling,
    ring_for,
    signed,
    verifier_with,
)

PROPERTY = settings(deadline=None, max_examples=50, database=None, derandomize=True)
UNSIGNED = "InvalidSignatureError"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (SP 800-186 §3.2.1.3)."""


def parts() -> tuple[str, str, str]:
    head, body, sign = signed().split(".")
    return head, body, sign


def text_of(members: dict[str, Any]) -> str:
    return json.dumps(members)


def public_key_texts(key: PublicKey) -> dict[str, bytes]:
    """Return every form in which somebody may hold the published key as a secret."""
    spki, pkcs1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1
    return {
        "PEM": key.key.public_bytes(Encoding.PEM, spki),
        "PEM without its last line end": key.key.public_bytes(Encoding.PEM, spki).strip(),
        "DER": key.key.public_bytes(Encoding.DER, spki),
        "PKCS1": key.key.public_bytes(Encoding.PEM, pkcs1),
        "JWK": json.dumps(KEY.jwk).encode(),
        "the modulus": KEY.jwk["n"].encode(),
    }


@pytest.mark.parametrize("form", public_key_texts(KEY.public))
def test_the_public_key_is_no_hmac_secret(form: str) -> None:
    secret = public_key_texts(KEY.public)[form]
    for algorithm in ("HS256", "RS256"):
        head = base64url(text_of(header(alg=algorithm)).encode())
        forged = hmac.new(secret, f"{head}.{parts()[1]}".encode(), hashlib.sha256).digest()
        with pytest.raises(InvalidTokenError):
            believed(f"{head}.{parts()[1]}.{base64url(forged)}")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_another_algorithm_with_our_own_key_is_refused(algorithm: str) -> None:
    """Said in the header, and said to be ours."""
    said = compact(header(alg=algorithm), algorithm=algorithm, key=KEY.private)
    with pytest.raises(InvalidTokenError, match="another algorithm"):
        believed(said)
    with pytest.raises(InvalidTokenError, match=UNSIGNED):
        believed(compact(algorithm=algorithm, key=KEY.private))


@pytest.mark.parametrize("configured", ["RS256", "PS256", "ES256"])
@pytest.mark.parametrize("used", ["RS256", "PS256", "ES256"])
def test_only_the_configured_algorithm_counts(configured: str, used: str) -> None:
    """The token has the key's right name each time, and a true signature by it where it can."""
    verifier = verifier_with(algorithm=configured)
    kid = ring_for(configured).signer().kid
    token = compact(header(alg=used, kid=kid), algorithm=used)
    if used == configured:
        assert believed(token, verifier).user_id == USER
    else:
        with pytest.raises(InvalidTokenError, match="another algorithm"):
            believed(token, verifier)


class OneKey:
    """A key set of a key for another algorithm than the one it is asked for."""

    version, is_open = 0, True

    async def find(self, kid: str) -> PublicKey:
        return PublicKey(kid, KEY.public.key, "PS256")


def test_a_key_is_for_one_algorithm() -> None:
    """RFC 8725 §3.1. The same RSA key would verify both."""
    with pytest.raises(InvalidTokenError, match="no such key"):
        believed(signed(), verifier_with(OneKey()))
    token = compact(header(alg="PS256"), algorithm="PS256")
    assert believed(token, verifier_with(OneKey(), algorithm="PS256")).user_id == USER


def test_a_signature_of_another_key_is_refused() -> None:
    """Whatever it says it was signed with: the name is ours, or its own key comes along."""
    other = load_pem_private_key(signing_key_pem(2048).encode(), password=None)
    with pytest.raises(InvalidTokenError, match=UNSIGNED):
        believed(compact(key=other))
    with pytest.raises(InvalidTokenError, match="no such key"):
        believed(compact(header(kid="other"), key=other))


def test_a_signature_by_another_curve_or_another_key_of_ours_is_refused() -> None:
    verifier, ring = verifier_with(algorithm="ES256"), ring_for("ES256")
    head = header(alg="ES256", kid=ring.signer().kid)
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(InvalidTokenError, match=UNSIGNED):
        believed(compact(head, algorithm="ES256", key=other), verifier)
    assert believed(compact(head, algorithm="ES256"), verifier).user_id == USER


def raw_signatures(token: str) -> dict[str, bytes]:
    """Return what has been taken for a signature of a curve somewhere, made from a true one."""
    true = base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")
    r, s = int.from_bytes(true[:32], "big"), int.from_bytes(true[32:], "big")
    return {
        "zeros (CVE-2022-21449)": bytes(64),
        "a zero r": bytes(32) + true[32:],
        "a zero s": true[:32] + bytes(32),
        "the curve's order as r": ORDER.to_bytes(32, "big") + true[32:],
        "the curve's order twice": ORDER.to_bytes(32, "big") * 2,
        "DER": encode_dss_signature(r, s),
        "one byte more": true + b"\0",
        "one byte before": b"\0" + true,
        "one byte less": true[:-1],
        "its halves exchanged": true[32:] + true[:32],
    }


@pytest.mark.parametrize("form", raw_signatures("A" * 86))
def test_what_is_nearly_a_signature_of_a_curve_is_refused(form: str) -> None:
    verifier = verifier_with(algorithm="ES256")
    head = header(alg="ES256", kid=ring_for("ES256").signer().kid)
    token = compact(head, algorithm="ES256")
    forged = f"{token.rpartition('.')[0]}.{base64url(raw_signatures(token)[form])}"
    with pytest.raises(InvalidTokenError, match="Signature"):
        believed(forged, verifier)
    assert believed(token, verifier).user_id == USER


def test_a_signature_in_another_spelling_is_refused() -> None:
    """It decodes to the same bytes, and would be a second token to whoever keeps a list."""
    verifier = verifier_with(algorithm="ES256")
    head = header(alg="ES256", kid=ring_for("ES256").signer().kid)
    signing_input, _, sign = compact(head, algorithm="ES256").rpartition(".")
    with pytest.raises(InvalidTokenError, match="DecodeError"):
        believed(f"{signing_input}.{other_spelling(sign)}", verifier)
    assert believed(f"{signing_input}.{sign}", verifier).user_id == USER


@pytest.mark.parametrize("s", [0, 1, ORDER - 1, ORDER, 2**256 - 1], ids=["0", "1", "n-1", "n", "f"])
@pytest.mark.parametrize("r", [0, 1, ORDER - 1, ORDER, 2**256 - 1], ids=["0", "1", "n-1", "n", "f"])
def test_numbers_at_the_edges_are_no_signature(r: int, s: int) -> None:
    verifier = verifier_with(algorithm="ES256")
    head = header(alg="ES256", kid=ring_for("ES256").signer().kid)
    signing_input = compact(head, algorithm="ES256").rpartition(".")[0]
    forged = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    with pytest.raises(InvalidTokenError, match="Signature"):
        believed(f"{signing_input}.{base64url(forged)}", verifier)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_what_is_nearly_a_signature_of_rsa_is_refused(algorithm: str) -> None:
    verifier = verifier_with(algorithm=algorithm)
    signing_input, _, sign = compact(header(alg=algorithm), algorithm=algorithm).rpartition(".")
    true = base64.urlsafe_b64decode(sign)
    size = len(true)
    modulus = KEY.public.key.public_numbers().n  # type: ignore[union-attr]
    for forged in (
        bytes(size),
        (1).to_bytes(size, "big"),
        (modulus - 1).to_bytes(size, "big"),
        modulus.to_bytes(size, "big"),
        b"\0" + true,
        true + b"\0",
        true[:-1],
    ):
        with pytest.raises(InvalidTokenError, match=UNSIGNED):
            believed(f"{signing_input}.{base64url(forged)}", verifier)
    assert believed(f"{signing_input}.{sign}", verifier).user_id == USER


def test_a_signature_of_another_token_is_refused() -> None:
    head, body, sign = parts()
    other_head, other_body, other_sign = signed(jti="2").split(".")
    for token in (
        f"{head}.{other_body}.{sign}",
        f"{head}.{body}.{other_sign}",
        f"{base64url(text_of(header(x=1)).encode())}.{body}.{sign}",
        f"{body}.{head}.{sign}",
    ):
        with pytest.raises(InvalidTokenError):
            believed(token)
    assert other_head == head
    assert believed(f"{head}.{body}.{sign}").token_id == "1"


@PROPERTY
@given(st.integers(min_value=0), st.sampled_from("AZaz09-_.= "))
def test_one_changed_character_is_refused(place: int, letter: str) -> None:
    token = signed()
    place %= len(token)
    if token[place] == letter:
        assert believed(token).user_id == USER
        return
    with pytest.raises(InvalidTokenError):
        believed(f"{token[:place]}{letter}{token[place + 1 :]}")
