"""Layer 7, our own keys: which may sign, and how a text of several is read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import SecretStr

from app.keys.service import key_text, make_key
from app.layers.authentication import (
    load_signing_key,
    open_authentication,
)
from app.layers.authentication.key_ring import open_key_ring
from app.layers.authentication.keys import WeakKeyError, is_roca, load_signing_keys, thumbprint
from tests.in_process import signing_key_pem
from tests.tokens import (
    KEY,
    RING,
    curve_key_pem,
    settings_with,
)

if TYPE_CHECKING:
    from app.layers.authentication import SigningKey

START = 2_000_000_000
"""When the second key of a text begins to sign."""
CURVES = [make_key("ES256") for _ in range(3)]
"""Keys of a curve take no time to make, and a text of several is read the same for each kind."""
KIDS = [thumbprint(key.public_key()) for key in CURVES]


def pem_of(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def encrypted() -> str:
    secret = BestAvailableEncryption(b"secret")
    return CURVES[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret).decode()


def public() -> str:
    half = CURVES[0].public_key()
    return half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("pem", "algorithm", "reason"),
    [
        ("", "RS256", "no unencrypted PEM private key"),
        ("rubbish", "RS256", "no unencrypted PEM private key"),
        (signing_key_pem()[:200], "RS256", "no unencrypted PEM private key"),
        (encrypted(), "ES256", "no unencrypted PEM private key"),
        (public(), "ES256", "no unencrypted PEM private key"),
        (signing_key_pem(2048), "RS256", "has 2048 bits; it needs 3072"),
        (signing_key_pem(2048), "PS256", "has 2048 bits; it needs 3072"),
        (curve_key_pem(), "RS256", "not an RSA key, which RS256 takes"),
        (curve_key_pem(), "PS256", "not an RSA key, which PS256 takes"),
        (signing_key_pem(), "ES256", "not a P-256 key, which ES256 takes"),
        (curve_key_pem(ec.SECP384R1), "ES256", "not a P-256 key, which ES256 takes"),
        (curve_key_pem(ec.SECP256K1), "ES256", "not a P-256 key, which ES256 takes"),
        (pem_of(ed25519.Ed25519PrivateKey.generate()), "ES256", "not a P-256 key"),
    ],
    ids=[
        *("missing", "rubbish", "cut", "encrypted", "public", "short", "short-ps", "curve"),
        *("curve-ps", "rsa", "p-384", "bitcoin", "edwards"),
    ],
)
def test_a_missing_broken_short_or_other_key_stops_the_start(
    pem: str, algorithm: str, reason: str
) -> None:
    chosen = settings_with(algorithm=algorithm, private_key=SecretStr(pem))
    with pytest.raises(WeakKeyError, match=reason):
        open_authentication(chosen)


@pytest.mark.parametrize(
    ("algorithm", "pem"),
    [("RS256", signing_key_pem()), ("PS256", signing_key_pem()), ("ES256", curve_key_pem())],
    ids=["RS256", "PS256", "ES256"],
)
def test_a_key_of_each_algorithm_is_published_by_its_public_half_only(
    algorithm: str, pem: str
) -> None:
    ring = open_key_ring(settings_with(algorithm=algorithm, private_key=SecretStr(pem)))
    (jwk,) = ring.published
    numbers = {"crv", "x", "y"} if algorithm == "ES256" else {"n", "e"}
    assert set(jwk) == {"kty", "use", "alg", "kid", *numbers}
    assert (jwk["use"], jwk["alg"]) == ("sig", algorithm)
    private = load_pem_private_key(pem.encode(), password=None)
    assert jwt.PyJWK(jwk).key == private.public_key()


def test_a_keys_name_is_its_thumbprint() -> None:
    """The key and the thumbprint of RFC 7638 §3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = jwt.PyJWK({"kty": "RSA", "e": "AQAB", "alg": "RS256", "n": modulus}).key
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_curves_coordinates_keep_their_leading_zeros() -> None:
    """RFC 7518 §6.2.1.2. One key in 256 has such an x; 379 is the least number that makes one."""
    key = ec.derive_private_key(379, ec.SECP256R1())
    assert key.public_key().public_numbers().x < 1 << 248
    loaded = load_signing_key(key_text(key, float("-inf")), "ES256")
    assert len(loaded.jwk["x"]) == len(loaded.jwk["y"]) == 43
    assert jwt.PyJWK(loaded.jwk).key == key.public_key()


def keys_of(text: str) -> list[SigningKey]:
    return load_signing_keys(text, "ES256")


FIRST, SECOND = (key_text(key, float("-inf")) for key in CURVES[:2])
MOMENT = "signs from: 2033-05-18T03:33:20Z\n"


def test_a_text_of_several_keys_is_read_in_the_order_of_their_moments() -> None:
    texts = [key_text(CURVES[1], START), FIRST, key_text(CURVES[2], START + 1)]
    keys = keys_of("\n".join(texts))
    assert [key.kid for key in keys] == KIDS
    assert [key.signs_from for key in keys] == [float("-inf"), START, START + 1]
    windows = keys_of("\r\n".join(texts).replace("\n", "\r\n").replace("\r\r", "\r"))
    assert [key.kid for key in windows] == KIDS


def test_a_moment_is_in_universal_time() -> None:
    (key,) = keys_of(MOMENT + FIRST)
    assert key.signs_from == START
    assert key_text(CURVES[0], START) == MOMENT + FIRST


@pytest.mark.parametrize(
    "text",
    [
        FIRST + "sign from: 2033-05-18T03:33:20Z\n" + SECOND,
        FIRST + "Signs From: 2033-05-18T03:33:20Z\n" + SECOND,
        FIRST + "signs from 2033-05-18T03:33:20Z\n" + SECOND,
        FIRST + "signs from: tomorrow\n" + SECOND,
        FIRST + "signs from: 2033-05-18\n" + SECOND,
        FIRST + "signs from: 2033-05-18T03:33:20\n" + SECOND,
        FIRST + "signs from: 2033-05-18T03:33:20+01:00\n" + SECOND,
        FIRST + "signs from: 2033-02-30T03:33:20Z\n" + SECOND,
        FIRST + "signs from: \n" + SECOND,
        FIRST + MOMENT + MOMENT + SECOND,
        FIRST + MOMENT,
        FIRST + MOMENT + "# the new one\n" + SECOND,
        FIRST + "more",
        FIRST + public(),
        FIRST + SECOND,
        FIRST + MOMENT + FIRST,
        MOMENT + FIRST + MOMENT + SECOND,
        FIRST + MOMENT + SECOND[:100],
        FIRST + MOMENT + signing_key_pem(),
        FIRST + MOMENT + encrypted(),
        "more\n" + FIRST,
    ],
    ids=[
        *("misspelt", "capitals", "no-colon", "no-moment", "no-time", "no-zone", "other-zone"),
        *("no-such-day", "empty", "two-moments", "no-key", "comment", "text-behind", "public"),
        *("both-from-the-beginning", "one-key-twice", "one-moment-twice", "cut", "other-kind"),
        *("encrypted", "text-before"),
    ],
)
def test_a_text_that_may_mean_something_else_stops_the_start(text: str) -> None:
    """A misspelt moment must not make a key sign at once, nor a cut file hide one."""
    with pytest.raises(WeakKeyError):
        keys_of(text)
    assert len(keys_of(FIRST + MOMENT + SECOND)) == 2


def test_a_modulus_of_the_chips_whose_keys_were_guessed_is_known() -> None:
    """CVE-2017-15361: their primes are k * M + 65537^a mod M, for M a product of small primes."""
    product = math.prod(n for n in range(2, 168) if all(n % m for m in range(2, n)))
    factors = [k * product + pow(65_537, a, product) for k, a in ((3, 5), (7, 1_234))]
    assert is_roca(math.prod(factors))
    assert not is_roca(math.prod(factors) + 2)
    assert not is_roca(KEY.public.key.public_numbers().n)  # type: ignore[union-attr]


def test_such_a_key_does_not_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.layers.authentication.keys.is_roca", lambda _modulus: True)
    with pytest.raises(WeakKeyError, match="can be guessed"):
        load_signing_key(signing_key_pem())


def test_an_error_about_a_key_says_nothing_of_it() -> None:
    text = FIRST + "signs from: tomorrow\n" + SECOND
    with pytest.raises(WeakKeyError) as refused:
        keys_of(text)
    secrets = [line for line in text.splitlines() if len(line) > 40]
    shown = f"{refused.value!r}{refused.value.__cause__!r}{refused.value.__context__!r}"
    assert secrets
    assert not any(line in shown for line in secrets)


def test_a_key_does_not_show_itself() -> None:
    shown = repr(KEY) + repr(RING) + repr(settings_with())
    private = KEY.private.private_numbers()
    for secret in (str(private.d), str(private.p), signing_key_pem()[200:260]):  # type: ignore[union-attr]
        assert secret not in shown


def test_a_secret_of_a_key_depends_on_the_key_and_the_purpose() -> None:
    first, second = keys_of(FIRST + key_text(CURVES[1], START))
    secrets = {first.secret("a"), first.secret("b"), second.secret("a"), KEY.secret("a")}
    assert len(secrets) == 4
    assert all(len(secret) == 32 for secret in secrets)
    assert first.secret("a") == keys_of(FIRST)[0].secret("a")
