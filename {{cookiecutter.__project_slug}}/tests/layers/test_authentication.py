"""Layer 7: which tokens are believed. One test a forgery; the twin is the token that is ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import SecretStr
from sqlalchemy import update

from app.accounts.models import Session, User
from app.database import utc_now
from app.errors import Unavailable
from app.layers.authentication import (
    AccessTokens,
    AuthenticationSettings,
    InvalidTokenError,
    Passwords,
    load_signing_key,
    open_authentication,
)
from app.layers.authentication.keys import WeakKeyError
from app.layers.authentication.principal import bearer_token
from tests.in_process import (
    PASSWORD,
    client_of,
    make_settings,
    running,
    sign_up,
    signing_key_pem,
)

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = AuthenticationSettings(private_key=SecretStr(signing_key_pem()))
KEY = load_signing_key(signing_key_pem())
TOKENS = AccessTokens(SETTINGS, KEY)
USER, SESSION = uuid.uuid4(), uuid.uuid4()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    valid = {
        "iss": SETTINGS.issuer,
        "aud": SETTINGS.audience,
        "sub": str(USER),
        "sid": str(SESSION),
        "jti": "1",
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def signed(payload: dict[str, Any] | None = None, key: Any = KEY.private, **headers: Any) -> str:
    protected = {"kid": KEY.kid, "typ": "at+jwt"} | headers
    algorithm = protected.pop("alg", "RS256")
    return jwt.encode(payload or claims(), key, algorithm=algorithm, headers=protected)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_of_ours_says_who_and_in_which_session() -> None:
    found = TOKENS.verify(TOKENS.issue(USER, SESSION))
    assert (found.user_id, found.session_id) == (USER, SESSION)


def test_a_token_made_by_hand_to_the_letter_is_believed() -> None:
    assert TOKENS.verify(signed()).user_id == USER


@pytest.mark.parametrize("name", ["aud", "exp", "iat", "iss", "jti", "sid", "sub"])
def test_a_token_without_a_claim_is_refused(name: str) -> None:
    with pytest.raises(InvalidTokenError):
        TOKENS.verify(signed(claims(**{name: None})))


NOW = int(time.time())
WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": ""},
    "another audience": {"aud": "another-service"},
    "expired long ago": {"exp": 1},
    "expired a minute ago": {"exp": NOW - 60, "iat": NOW - 120},
    "living for ever": {"exp": NOW + 10**9},
    "exp as text": {"exp": str(NOW + 60)},
    "exp as a fraction": {"exp": NOW + 60.5},
    "exp beyond any clock": {"exp": 2**70},
    "exp as a truth": {"exp": True},
    "issued in an hour": {"iat": NOW + 3600, "exp": NOW + 3660},
    "not before an hour": {"nbf": NOW + 3600},
    "a subject that is no id": {"sub": "root"},
    "a subject that is a number": {"sub": 1},
    "a session that is no id": {"sid": "x"},
    "a token id that is a number": {"jti": 7},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS)
def test_a_token_with_a_wrong_claim_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidTokenError):
        TOKENS.verify(signed(claims(**WRONG_CLAIMS[wrong])))


@pytest.mark.parametrize(
    "headers",
    [{"typ": "JWT"}, {"typ": "id+jwt"}, {"kid": "other"}, {"crit": ["x"], "x": 1}],
    ids=repr,
)
def test_a_token_of_another_type_key_or_extension_is_refused(headers: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError):
        TOKENS.verify(signed(**headers))


def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "None", "NONE"):
        header = base64url(json.dumps({"alg": algorithm, "typ": "at+jwt", "kid": KEY.kid}).encode())
        token = f"{header}.{base64url(json.dumps(claims()).encode())}."
        with pytest.raises(InvalidTokenError):
            TOKENS.verify(token)


def test_the_public_key_is_no_hmac_secret() -> None:
    public = KEY.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = base64url(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": KEY.kid}).encode())
    signing_input = f"{header}.{base64url(json.dumps(claims()).encode())}"
    forged = hmac.new(public, signing_input.encode(), hashlib.sha256).digest()
    with pytest.raises(InvalidTokenError):
        TOKENS.verify(f"{signing_input}.{base64url(forged)}")


def test_another_algorithm_with_our_own_key_is_refused() -> None:
    for algorithm in ("RS384", "RS512", "PS256"):
        with pytest.raises(InvalidTokenError):
            TOKENS.verify(signed(alg=algorithm))


def test_a_key_brought_along_in_the_header_is_not_used() -> None:
    other = load_pem_private_key(signing_key_pem(2048).encode(), password=None)
    with pytest.raises(InvalidTokenError):
        TOKENS.verify(signed(key=other, jwk=KEY.jwk, jku="https://evil.example/jwks"))


def test_one_changed_character_is_refused() -> None:
    head, body, signature = TOKENS.issue(USER, SESSION).split(".")
    swapped = "A" if signature[40] != "A" else "B"
    for token in (
        f"{head}.{body}.{signature[:40]}{swapped}{signature[41:]}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{base64url(json.dumps(claims(sub=str(uuid.uuid4()))).encode())}.{signature}",
    ):
        with pytest.raises(InvalidTokenError):
            TOKENS.verify(token)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "\ud800", "é.é.é", "x" * 5_000, "{}.{}.{}"]
)
def test_rubbish_is_refused_and_nothing_else_happens(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        TOKENS.verify(token)


def test_one_bearer_header_is_read() -> None:
    assert bearer_token(["Bearer abc"]) == "abc"
    assert bearer_token(["bearer abc"]) == "abc"


@pytest.mark.parametrize(
    "headers",
    [[], ["Bearer a", "Bearer b"], ["Basic YTpi"], ["Bearer"], ["Bearer "], ["Bearer a b"]],
)
def test_any_other_authorization_is_refused(headers: list[str]) -> None:
    with pytest.raises(InvalidTokenError):
        bearer_token(headers)


@pytest.mark.parametrize("pem", ["", "rubbish", signing_key_pem(2048)])
def test_a_missing_broken_or_short_key_stops_the_start(pem: str) -> None:
    with pytest.raises(WeakKeyError):
        open_authentication(AuthenticationSettings(private_key=SecretStr(pem)))


def test_a_key_of_another_kind_stops_the_start() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(WeakKeyError, match="not an RSA key"):
        load_signing_key(pem)


def test_the_published_key_is_the_public_half_only() -> None:
    assert set(KEY.jwk) == {"kty", "n", "e", "use", "alg", "kid"}
    algorithm = jwt.get_algorithm_by_name("RS256")
    assert jwt.decode(
        TOKENS.issue(USER, SESSION),
        algorithm.from_jwk(KEY.jwk),
        algorithms=["RS256"],
        audience=SETTINGS.audience,
    )["sub"] == str(USER)


@pytest.mark.anyio
async def test_a_queue_of_passwords_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.layers.authentication.passwords.MAX_WAITING", 2)
    passwords = Passwords(concurrency=1)
    refused: list[str] = []

    async def log_in() -> None:
        try:
            await passwords.verify("Correct-horse-7", None)
        except Unavailable as error:
            refused.append(error.headers["Retry-After"])

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(log_in)
    assert refused == ["5"] * 3
    assert await passwords.verify("Correct-horse-7", None) is False


@pytest.mark.anyio
async def test_a_password_is_verified_against_its_own_hash_only() -> None:
    passwords = Passwords(concurrency=1)
    stored = await passwords.hash("Correct-horse-7")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify("Correct-horse-7", stored) is True
    assert await passwords.verify("correct-horse-7", stored) is False
    assert await passwords.verify("Correct-horse-7", None) is False


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("model", "column"), [(Session, "revoked_at"), (Session, "expires_at"), (User, "disabled_at")]
)
async def test_each_end_of_a_session_or_user_alone_is_the_end(
    tmp_path: Path, model: type[Any], column: str
) -> None:
    """The database is asked for each of them; the token still says what it said."""
    async with running(make_settings(tmp_path)) as app, client_of(app) as client:
        await sign_up(client, "ann@example.com")
        assert (await client.get("/api/v1/accounts/me")).status_code == 200
        async with app.state.database.sessions() as database:
            await database.execute(update(model).values({column: utc_now()}))
            await database.commit()
        assert (await client.get("/api/v1/accounts/me")).status_code == 401


@pytest.mark.anyio
async def test_logins_that_wait_their_turn_hold_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More may wait than there are connections; whoever comes next must still get one."""
    held: list[int] = []
    async with running(make_settings(tmp_path)) as app:

        async def verify(_self: Passwords, _password: str, _stored: str | None) -> bool:
            held.append(app.state.database.engine.pool.checkedout())
            return False

        monkeypatch.setattr(Passwords, "verify", verify)
        given = {"email": "ann@example.com", "password": PASSWORD}
        answer = await client_of(app).post("/api/v1/accounts/login", json=given)
    assert answer.status_code == 401
    assert held == [0]
