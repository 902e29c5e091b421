"""Layer 7, what a token says: which claims are believed, of our own tokens and another issuer's."""

from __future__ import annotations

import json
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.layers.authentication import AccessTokens, InvalidTokenError
from app.layers.authentication.claims import MAX_TEXT, foreign_user_id
from tests.in_process import client_of, make_settings, running, sign_up, signing_key_pem
from tests.tokens import (
    KEY,
    RING,
    SESSION,
    SETTINGS,
    SKEW,
    USER,
    believed,
    claims,
    compact,
    curve_key_pem,
    ring_for,
    settings_with,
    signed,
    verifier_with,
)

if TYPE_CHECKING:
    from pathlib import Path

PROPERTY = settings(deadline=None, max_examples=50, database=None, derandomize=True)
TOKENS = AccessTokens(SETTINGS, RING)
LIFE = SETTINGS.access_token_seconds
ISSUER = "https://login.example.com"
ELSEWHERE: dict[str, Any] = {
    "issuer": ISSUER,
    "jwks_url": f"{ISSUER}/keys",
    "max_token_seconds": 7_200,
}
THEIRS = verifier_with(**ELSEWHERE)
"""Trusts another issuer, which happens to sign with the run's key."""


def from_now(seconds: int = 0) -> timedelta:
    return timedelta(seconds=seconds)


def theirs(**changes: Any) -> str:
    """Return another issuer's honest token but for these claims."""
    honest = {"iss": ISSUER, "sub": "auth0|7", "sid": None, "nbf": None, "scope": None}
    return signed(**honest | changes)


def test_a_token_of_ours_says_who_in_which_session_and_for_what() -> None:
    before = int(time.time())
    found = believed(TOKENS.issue(USER, SESSION, {"notes:read", "files:write"}))
    after = int(time.time())
    assert (found.user_id, found.session_id, found.subject) == (USER, SESSION, str(USER))
    assert found.scopes == {"notes:read", "files:write"}
    assert before <= found.issued_at == found.not_before <= after
    assert found.expires_at == found.issued_at + LIFE


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_a_token_of_ours_is_what_rfc_9068_says_it_is(algorithm: str) -> None:
    chosen, ring = settings_with(algorithm=algorithm), ring_for(algorithm)
    token = AccessTokens(chosen, ring).issue(USER, SESSION, ())
    assert jwt.get_unverified_header(token) == {
        "alg": algorithm,
        "kid": ring.signer().kid,
        "typ": "at+jwt",
    }
    said = jwt.decode(token, options={"verify_signature": False})
    assert set(said) == {"iss", "aud", "sub", "sid", "jti", "scope", "iat", "nbf", "exp"}
    assert believed(token, verifier_with(algorithm=algorithm)).scopes == frozenset()


def test_no_two_tokens_have_one_id() -> None:
    tokens = [believed(TOKENS.issue(USER, SESSION, ())).token_id for _ in range(3)]
    assert len(set(tokens)) == 3


def test_a_published_key_verifies_with_any_library() -> None:
    key = jwt.PyJWK(RING.published[0])
    token = TOKENS.issue(USER, SESSION, ())
    said = jwt.decode(token, key, algorithms=["RS256"], audience=SETTINGS.audience)
    assert said["sub"] == str(USER)


@pytest.mark.parametrize("name", ["aud", "exp", "iat", "iss", "jti", "nbf", "scope", "sid", "sub"])
def test_a_token_without_a_claim_is_refused(name: str) -> None:
    with pytest.raises(InvalidTokenError, match="MissingRequiredClaimError"):
        believed(signed(**{name: None}))
    with pytest.raises(InvalidTokenError, match="MissingRequiredClaimError"):
        believed(compact(payload=claims() | {name: None}))


@pytest.mark.parametrize("name", ["aud", "exp", "iat", "iss", "jti", "sub"])
def test_another_issuers_token_without_a_claim_is_refused(name: str) -> None:
    with pytest.raises(InvalidTokenError, match="MissingRequiredClaimError"):
        believed(theirs(**{name: None}), THEIRS)


WHOLE = "is no whole number"
WRONG: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "another issuer": ({"iss": "https://evil.example"}, "InvalidIssuer", {}),
    "an issuer with a slash more": ({"iss": f"{SETTINGS.issuer}/"}, "InvalidIssuer", {}),
    "an issuer in capitals": ({"iss": SETTINGS.issuer.upper()}, "InvalidIssuer", {}),
    "no issuer": ({"iss": ""}, "InvalidIssuer", {}),
    "a list of issuers": ({"iss": [SETTINGS.issuer]}, "InvalidIssuer", {}),
    "another audience": ({"aud": "another-service"}, "InvalidAudience", {}),
    "an audience that begins as ours": ({"aud": "api-of-others"}, "InvalidAudience", {}),
    "audiences without ours": ({"aud": ["a", "b"]}, "InvalidAudience", {"aud": ["a", "api"]}),
    "audiences of which one is none": ({"aud": ["api", 1]}, "InvalidAudience", {}),
    "no audience": ({"aud": []}, "MissingRequired", {}),
    "an object as the audience": ({"aud": {"api": 1}}, "InvalidAudience", {}),
    "expired beyond the skew": (
        {"exp": from_now(-SKEW - 9), "iat": from_now(-120)},
        "ExpiredSignature",
        {"exp": from_now(-SKEW + 45), "iat": from_now(-120)},
    ),
    "expired long ago": ({"exp": 1, "iat": 0}, "ExpiredSignature", {}),
    "expired before it was issued": ({"exp": from_now(-600)}, "ExpiredSignature", {}),
    "not yet, beyond the skew": (
        {"nbf": from_now(SKEW + 45)},
        "Immature",
        {"nbf": from_now(SKEW - 9)},
    ),
    "issued later, beyond the skew": (
        {"iat": from_now(SKEW + 45), "exp": from_now(600)},
        "Immature",
        {"iat": from_now(SKEW - 9), "exp": from_now(600)},
    ),
    "living a second too long": (
        {"iat": from_now(), "exp": from_now(LIFE + 1)},
        "lives longer",
        {"iat": from_now(), "exp": from_now(LIFE)},
    ),
    "living for ever": ({"exp": from_now(10**9)}, "lives longer", {}),
    "beyond any clock": ({"exp": 2**70}, "lives longer", {}),
    "issued before all time": ({"iat": -(2**70)}, "lives longer", {}),
    "issued at infinity": ({"iat": float("inf")}, "no JSON|InvalidIssuedAt", {}),
    "ending at infinity": ({"exp": float("inf")}, "no JSON", {}),
    "ending at no number": ({"exp": float("nan")}, "no JSON", {}),
    "an end as text": ({"exp": str(10**10)}, f"exp {WHOLE}", {}),
    "an end as a fraction": ({"exp": 10**10 + 0.5}, f"exp {WHOLE}", {}),
    "an end that is true": ({"exp": True, "iat": 0}, "Expired|whole number", {}),
    "an issue as text": ({"iat": "1"}, f"iat {WHOLE}", {}),
    "an issue that is true": ({"iat": True}, f"iat {WHOLE}", {}),
    "a beginning as text": ({"nbf": "1"}, f"nbf {WHOLE}", {}),
    "a beginning that is false": ({"nbf": False}, f"nbf {WHOLE}", {}),
    "a subject that is no id": ({"sub": "root"}, "sub is no id", {}),
    "a subject in braces": ({"sub": f"{{{USER}}}"}, "sub is no id", {}),
    "a subject in capitals": ({"sub": str(USER).upper()}, "sub is no id", {}),
    "a subject without its dashes": ({"sub": USER.hex}, "sub is no id", {}),
    "a subject as a URN": ({"sub": USER.urn}, "sub is no id", {}),
    "a subject that is a number": ({"sub": 1}, "InvalidSubject", {}),
    "a subject that is empty": ({"sub": ""}, "sub is no text", {}),
    "a session that is no id": ({"sid": "x"}, "sid is no id", {}),
    "a session that is a number": ({"sid": SESSION.int}, "sid is no id", {}),
    "a session in braces": ({"sid": f"{{{SESSION}}}"}, "sid is no id", {}),
    "a token id that is a number": ({"jti": 7}, "InvalidJTI", {}),
    "a token id that is empty": ({"jti": ""}, "jti is no text", {}),
    "a token id too long": (
        {"jti": "x" * (MAX_TEXT + 1)},
        "jti is no text",
        {"jti": "x" * MAX_TEXT},
    ),
    "a list of scopes": ({"scope": ["notes:read"]}, "scope is no list", {"scope": "a b"}),
    "scopes with two spaces": ({"scope": "a  b"}, "scope is no list", {"scope": "a"}),
    "scopes with a line end": ({"scope": "a\n"}, "scope is no list", {"scope": ""}),
    "scopes apart by a tab": ({"scope": "a\tb"}, "scope is no list", {"scope": "!#[]~"}),
    "scopes with a quote": ({"scope": 'a"'}, "scope is no list", {}),
    "scopes of other letters": ({"scope": "\xe4"}, "scope is no list", {}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_with_a_wrong_claim_is_refused_and_its_twin_believed(wrong: str) -> None:
    changes, reason, twin = WRONG[wrong]
    with pytest.raises(InvalidTokenError, match=reason):
        believed(signed(**changes))
    assert believed(signed(**twin)).user_id == USER


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (f'{{"exp":1,{json.dumps(claims())[1:]}', "a name is there twice"),
        (json.dumps([claims()]), "not a JSON object"),
        (json.dumps(claims()).encode("utf-16"), "not JSON"),
        (json.dumps(claims()) + " x", "not JSON"),
        ("\ufeff" + json.dumps(claims()), "not JSON"),
        ("[" * 2_000, "not JSON"),
        (b"\xff", "not JSON"),
    ],
    ids=["twice", "list", "utf-16", "more", "mark", "deep", "bytes"],
)
def test_claims_that_are_not_one_json_object_are_refused(payload: str | bytes, reason: str) -> None:
    with pytest.raises(InvalidTokenError, match=reason):
        believed(compact(payload=payload))
    assert believed(compact(payload=json.dumps(claims()))).user_id == USER


def test_another_issuers_user_is_known_by_an_id_of_its_own() -> None:
    found = believed(theirs(), THEIRS)
    assert found.user_id == foreign_user_id(ISSUER, "auth0|7")
    assert (found.session_id, found.subject, found.scopes) == (None, "auth0|7", frozenset())
    assert found.not_before == found.issued_at
    assert believed(theirs(scope="a b"), THEIRS).scopes == {"a", "b"}


def test_two_issuers_or_subjects_never_have_one_id() -> None:
    """Not even with a boundary moved between them, or where a subject is an id of ours."""
    ids = {
        foreign_user_id("https://a.example", "b"),
        foreign_user_id("https://a.example", "B"),
        foreign_user_id("https://a.exampleb", ""),
        foreign_user_id("https://b.example", "b"),
        foreign_user_id("https://a.example", str(USER)),
        USER,
    }
    assert len(ids) == 6
    assert uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, ISSUER), "7") == foreign_user_id(ISSUER, "7")


def test_another_issuers_session_says_nothing_here() -> None:
    """Its `sid` may be the id of a session of ours, and must not become one."""
    assert believed(theirs(sid=str(SESSION)), THEIRS).session_id is None


@pytest.mark.parametrize(
    ("changes", "reason", "twin"),
    [
        ({"iss": SETTINGS.issuer}, "InvalidIssuer", {}),
        (
            {"exp": from_now(7_201), "iat": from_now()},
            "lives longer",
            {"exp": from_now(7_200), "iat": from_now()},
        ),
        ({"sub": ""}, "sub is no text", {"sub": "x"}),
        ({"sub": "x" * (MAX_TEXT + 1)}, "sub is no text", {"sub": "x" * MAX_TEXT}),
        ({"sub": "\ud800"}, "sub is no text", {"sub": "\U0001f600 \xe4"}),
        ({"sub": "a\0"}, "sub is no text", {"sub": "a 0"}),
        ({"sub": "a\n"}, "sub is no text", {"sub": "a n"}),
        ({"nbf": "1"}, f"nbf {WHOLE}", {"nbf": from_now()}),
        ({"nbf": from_now(SKEW + 45)}, "Immature", {"nbf": from_now(-600)}),
        ({"scope": 7}, "scope is no list", {"scope": "a"}),
    ],
    ids=["issuer", "life", "empty", "long", "half", "nul", "line", "type", "early", "scope"],
)
def test_another_issuers_wrong_token_is_refused_and_its_twin_believed(
    changes: dict[str, Any], reason: str, twin: dict[str, Any]
) -> None:
    with pytest.raises(InvalidTokenError, match=reason):
        believed(theirs(**changes), THEIRS)
    assert believed(theirs(**twin), THEIRS).session_id is None


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text("a7 -{\0", max_size=5)


@PROPERTY
@given(
    st.sampled_from(["iss", "aud", "sub", "sid", "jti", "scope", "iat", "nbf", "exp"]),
    JSON | st.lists(JSON, max_size=2) | st.dictionaries(st.text("ab"), JSON, max_size=2),
)
def test_whatever_a_claim_is_the_token_is_read_right_or_refused(name: str, value: object) -> None:
    try:
        found = believed(compact(payload=claims() | {name: value}))
    except InvalidTokenError:
        return
    assert found.user_id == USER
    assert found.session_id == SESSION
    assert type(found.expires_at) is type(found.issued_at) is type(found.not_before) is int
    assert found.expires_at - found.issued_at <= LIFE
    assert all(word and " " not in word for word in found.scopes)


@pytest.mark.anyio
@pytest.mark.parametrize("algorithm", ["PS256", "ES256"])
async def test_the_service_works_with_each_algorithm(tmp_path: Path, algorithm: str) -> None:
    pem = curve_key_pem() if algorithm == "ES256" else signing_key_pem()
    chosen = {"AUTHENTICATION__ALGORITHM": algorithm, "AUTHENTICATION__PRIVATE_KEY": pem}
    async with running(make_settings(tmp_path, **chosen)) as app, client_of(app) as client:
        token = (await sign_up(client, "ann@example.com"))["access_token"]
        keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
        assert (await client.get("/api/v1/accounts/me")).status_code == 200
        said = jwt.decode(token, jwt.PyJWK(keys[0]), algorithms=[algorithm], audience="api")
        usual = AccessTokens(settings_with(clock_skew_seconds=0), RING)
        other = usual.issue(uuid.UUID(said["sub"]), uuid.UUID(said["sid"]), ())
        client.headers["Authorization"] = f"Bearer {other}"
        assert (await client.get("/api/v1/accounts/me")).status_code == 401


@pytest.mark.anyio
async def test_the_service_publishes_the_keys_that_verify_its_tokens(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path)) as app, client_of(app) as client:
        answer = await client.get("/.well-known/jwks.json")
        token = (await sign_up(client, "ann@example.com"))["access_token"]
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.json() == {"keys": [KEY.jwk]}
    assert jwt.get_unverified_header(token)["kid"] == KEY.kid
