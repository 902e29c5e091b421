"""Layer 7 under attack: claims and header members that are wrong, in tokens that are signed well.

All are signed with the service's own key: only what was changed speaks against them. It stands for
a key that signs for another purpose too, and for libraries that read `"exp": "never"` as they like.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.forgery import Forger, status_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stack import Stack

KINDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "zero": 0,
    "a number": 7,
    "a fraction": 1.5,
    "an empty list": [],
    "a list": ["a"],
    "an object": {"a": "b"},
    "an empty object": {},
}
"""Never right, where a text with a meaning belongs."""


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "jti", "iat", "exp"])
def test_attack_a_claim_left_out_or_null(stack: Stack, forger: Forger, name: str) -> None:
    assert status_with(stack, forger.token(claims=forger.claims(**{name: None}))) == 401
    null = forger.claims() | {name: None}
    assert status_with(stack, forger.token(claims=null)) == 401


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "jti"])
@pytest.mark.parametrize("kind", KINDS)
def test_attack_a_claim_of_another_kind(stack: Stack, forger: Forger, name: str, kind: str) -> None:
    assert status_with(stack, forger.token(claims=forger.claims(**{name: KINDS[kind]}))) == 401


# Whose it is

NAMES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another issuer": lambda _: {"iss": "https://evil.example"},
    "an issuer with a slash": lambda claims: {"iss": claims["iss"] + "/"},
    "an issuer in capitals": lambda claims: {"iss": claims["iss"].upper()},
    "an issuer that begins alike": lambda claims: {"iss": claims["iss"] + ".evil.example"},
    "an issuer among others": lambda claims: {"iss": [claims["iss"], "https://evil.example"]},
    "the issuer in a list": lambda claims: {"iss": [claims["iss"]]},
    "another audience": lambda _: {"aud": "another-service"},
    "other audiences": lambda _: {"aud": ["another-service", "a-third"]},
    "an audience in capitals": lambda claims: {"aud": claims["aud"].upper()},
    "an audience that begins alike": lambda claims: {"aud": claims["aud"] + "s"},
    "a piece of the audience": lambda claims: {"aud": claims["aud"][:-1]},
    "an audience in an object": lambda claims: {"aud": {claims["aud"]: True}},
    "an audience among numbers": lambda claims: {"aud": [1, claims["aud"]]},
    "a subject that is nobody": lambda _: {"sub": str(uuid.uuid4())},
    "a subject in a list": lambda claims: {"sub": [claims["sub"]]},
    "a subject in braces": lambda claims: {"sub": f"{{{claims['sub']}}}"},
    "a subject as a URN": lambda claims: {"sub": f"urn:uuid:{claims['sub']}"},
    "a subject without hyphens": lambda claims: {"sub": claims["sub"].replace("-", "")},
    "a subject in capitals": lambda claims: {"sub": claims["sub"].upper() + "A"},
    "a subject and a space": lambda claims: {"sub": claims["sub"] + " "},
    "a subject and a NUL": lambda claims: {"sub": claims["sub"] + "\0"},
    "a subject that is SQL": lambda claims: {"sub": claims["sub"] + "' OR '1'='1"},
    "a subject in wide digits": lambda claims: {"sub": claims["sub"].replace("4", "\uff14")},
    "a session that is none": lambda _: {"sid": str(uuid.uuid4())},
    "the session of nil": lambda _: {"sid": str(uuid.UUID(int=0))},
    "subject and session exchanged": lambda claims: {"sub": claims["sid"], "sid": claims["sub"]},
    "half a letter": lambda _: {"sub": "\ud800"},
    "a megabyte's worth of subject": lambda _: {"sub": "a" * 1_000},
}


@pytest.mark.parametrize("name", NAMES)
def test_attack_a_token_of_or_for_somebody_else(stack: Stack, forger: Forger, name: str) -> None:
    claims = forger.claims()
    assert status_with(stack, forger.token(claims=claims | NAMES[name](claims))) == 401


@pytest.mark.parametrize("claim", ["sub", "sid"])
def test_attack_another_users_name_over_my_session(
    stack: Stack, forger: Forger, claim: str
) -> None:
    """Each is real. Together they are nobody's."""
    other = stack.signup()
    mixed = forger.claims(**{claim: forger.theirs(other)[claim]})
    assert status_with(stack, forger.token(claims=mixed)) == 401


# When it is good

NEVER = 10**9
TIMES: dict[str, Callable[[int], dict[str, Any]]] = {
    "exp as text": lambda now: {"exp": str(now + 60)},
    "exp as a fraction": lambda now: {"exp": now + 60.5},
    "exp as a whole fraction": lambda now: {"exp": float(now + 60)},
    "exp as a truth": lambda _: {"exp": True},
    "exp in a list": lambda now: {"exp": [now + 60]},
    "exp in an object": lambda now: {"exp": {"$gt": now}},
    "exp as a word": lambda _: {"exp": "never"},
    "exp as a date": lambda _: {"exp": "2099-01-01T00:00:00Z"},
    "exp of zero": lambda _: {"exp": 0},
    "exp below zero": lambda _: {"exp": -1},
    "exp far below zero": lambda _: {"exp": -(2**63) - 1},
    "exp of a minute ago": lambda now: {"exp": now - 60, "iat": now - 120},
    "exp of an hour ago": lambda now: {"exp": now - 3_600, "iat": now - 7_200},
    "exp in milliseconds": lambda now: {"exp": (now + 60) * 1_000},
    "exp tomorrow": lambda now: {"exp": now + 86_400},
    "exp in thirty years": lambda now: {"exp": now + NEVER},
    "exp beyond 32 bits": lambda _: {"exp": 2**32 + 60},
    "exp beyond 64 bits": lambda _: {"exp": 2**64 + 60},
    "exp beyond any fraction": lambda _: {"exp": 10**400},
    "exp before iat": lambda now: {"exp": now - 30, "iat": now},
    "a long life that began long ago": lambda now: {"exp": now + 60, "iat": now - NEVER},
    "a long life that began in the future": lambda now: {"exp": now + NEVER, "iat": now + NEVER},
    "iat in an hour": lambda now: {"iat": now + 3_600, "exp": now + 3_660},
    "iat as text": lambda now: {"iat": str(now)},
    "iat as a fraction": lambda now: {"iat": now - 0.5},
    "iat as a truth": lambda _: {"iat": True},
    "iat below zero": lambda _: {"iat": -1},
    "iat beyond any fraction": lambda _: {"iat": 10**400},
    "nbf in an hour": lambda now: {"nbf": now + 3_600},
    "nbf as text": lambda now: {"nbf": str(now)},
    "nbf as a word": lambda _: {"nbf": "now"},
    "nbf as a truth": lambda _: {"nbf": True},
    "nbf in a list": lambda now: {"nbf": [now]},
    "nbf beyond any fraction": lambda _: {"nbf": 10**400},
}


@pytest.mark.parametrize("name", TIMES)
def test_attack_a_time_that_is_none_or_not_now(stack: Stack, forger: Forger, name: str) -> None:
    claims = forger.claims() | TIMES[name](int(time.time()))
    assert status_with(stack, forger.token(claims=claims)) == 401


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "literal",
    ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1E400", "0x7fffffff", "+1", "01", "1_0"],
)
def test_attack_a_time_in_numbers_that_json_has_not(
    stack: Stack, forger: Forger, name: str, literal: str
) -> None:
    """Compared with NaN, nothing is ever too late."""
    claims = json.dumps(forger.claims() | {name: "@@"}).replace('"@@"', literal).encode("ascii")
    assert status_with(stack, forger.token(claims=claims)) == 401


@pytest.mark.parametrize(
    "scope",
    [7, True, ["notes:read"], {"notes:read": True}, " ", "a  b", " a", "a ", "a\tb", "a\nb", 'a"b'],
    ids=ascii,
)
def test_attack_a_scope_that_is_no_list_of_words(stack: Stack, forger: Forger, scope: Any) -> None:
    """RFC 6749 §3.3: one text, words with a space between them."""
    assert status_with(stack, forger.token(claims=forger.claims(scope=scope))) == 401


# What it is, and by which key

TYPES = [
    "JWT", "jwt", "id+jwt", "logout+jwt", "dpop+jwt", "rt+jwt", "at", "at+jwt ", " at+jwt",
    "at+jwt\0", "at+jwt; a=b", "x/at+jwt", "application/jwt", "at\uff0bjwt", "", None, 7, True,
    ["at+jwt"], {"at+jwt": 1},
]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES, ids=ascii)
def test_attack_a_token_of_another_type(stack: Stack, forger: Forger, kind: Any) -> None:
    """RFC 9068 §4: an ID token that the same key signs must not open this door."""
    assert status_with(stack, forger.token(forger.header(typ=kind))) == 401


KIDS: dict[str, Callable[[str], Any]] = {
    "none": lambda _: None,
    "an empty one": lambda _: "",
    "another": lambda _: "other",
    "a piece of it": lambda kid: kid[:-1],
    "one that begins with it": lambda kid: kid + "a",
    "in other letters": lambda kid: kid.swapcase(),
    "with a space": lambda kid: kid + " ",
    "with a NUL": lambda kid: kid + "\0",
    "a way out": lambda _: "../../../../../../dev/null",
    "a way back in": lambda kid: f"./{kid}",
    "a file": lambda _: "/etc/passwd",
    "a URL": lambda _: "http://127.0.0.1:9/key",
    "SQL": lambda _: "x' UNION SELECT 'key' --",
    "a command": lambda _: "| sleep 10",
    "a template": lambda _: "${jndi:ldap://127.0.0.1:9/a}",
    "a newline": lambda kid: f"{kid}\r\nX-Admin: 1",
    "half a letter": lambda _: "\ud800",
    "huge": lambda kid: kid * 40,
    "a number": lambda _: 0,
    "a truth": lambda _: True,
    "in a list": lambda kid: [kid],
    "in an object": lambda kid: {"kid": kid},
    "a member's name": lambda _: "__class__",
}


@pytest.mark.parametrize("name", KIDS)
def test_attack_a_key_by_another_name(stack: Stack, forger: Forger, name: str) -> None:
    """A kid is looked up among the names of our keys; it never becomes a path or a query."""
    header = forger.header(kid=KIDS[name](forger.jwk["kid"]))
    assert status_with(stack, forger.token(header)) == 401


def test_attack_no_name_of_a_key_but_null(stack: Stack, forger: Forger) -> None:
    assert status_with(stack, forger.token(forger.header() | {"kid": None})) == 401


# Twins


def test_twin_the_same_claims_unchanged(stack: Stack, forger: Forger) -> None:
    assert status_with(stack, forger.token()) == 200


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_twin_the_type_of_access_tokens_in_each_spelling(
    stack: Stack, forger: Forger, kind: str
) -> None:
    """A media type in any case, with or without what it begins with (RFC 7515 §4.1.9)."""
    assert status_with(stack, forger.token(forger.header(typ=kind))) == 200


@pytest.mark.parametrize("others", [[], ["another-service"]], ids=["alone", "among others"])
def test_twin_an_audience_in_a_list(stack: Stack, forger: Forger, others: list[str]) -> None:
    """RFC 7519 §4.1.3: it is for whoever is named in it."""
    claims = forger.claims()
    claims["aud"] = [claims["aud"], *others]
    assert status_with(stack, forger.token(claims=claims)) == 200


def test_twin_clocks_may_differ_a_little(stack: Stack, forger: Forger) -> None:
    """Five seconds, both ways; what is tested leaves three of them for a slow machine."""
    now = int(time.time())
    ahead = forger.claims(iat=now + 2, exp=now + 60) | {"nbf": now + 2}
    assert status_with(stack, forger.token(claims=ahead)) == 200


def test_twin_claims_that_mean_nothing_are_no_harm(stack: Stack, forger: Forger) -> None:
    claims = forger.claims(name="Ann", roles=["admin"], admin=True, role="admin")
    assert status_with(stack, forger.token(claims=claims)) == 200


def test_attack_a_role_in_a_token_is_no_role(stack: Stack, forger: Forger) -> None:
    """The database says who is an administrator, not a token, and not one that we signed."""
    claims = forger.claims(role="admin", roles=["admin"], groups=["admin"], admin=True)
    carried = {"Authorization": f"Bearer {forger.token(claims=claims)}"}
    answer = stack.client().get("/api/v1/admin/users", headers=carried)
    assert answer.status_code == 403


def test_twin_the_session_that_the_token_names_is_its_users_own(
    stack: Stack, forger: Forger
) -> None:
    other = stack.signup()
    theirs = forger.theirs(other)
    claims = forger.claims(sub=theirs["sub"], sid=theirs["sid"])
    assert status_with(stack, forger.token(claims=claims)) == 200
