"""Layer 8 under attack: tokens that were issued for less, and try more.

They are signed with the service's own key, so that their scope alone speaks against them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.forgery import ME, Forger

if TYPE_CHECKING:
    import httpx

    from tests.stack import Stack

USERS = "/api/v1/admin/users"
LOGIN = "/api/v1/accounts/login"

NEARLY = [
    "",
    "accounts",
    "accoun",
    "Account",
    "ACCOUNT",
    "account:read",
    "my-account",
    "account.me",
    "account,admin",
    "*",
    ".*",
    "a*",
    "admin",
    "notes:read",
    "openid profile email",
    "acco unt",
    "account\u200b",
    "\u0430ccount",
    "account%20",
    "!account",
]


def asked(
    stack: Stack, forger: Forger, scope: str | None, method: str, path: str
) -> httpx.Response:
    """Return the answer to a request with a token of this scope."""
    carried = {"Authorization": f"Bearer {forger.token(claims=forger.claims(scope=scope))}"}
    body = {
        "PATCH /api/v1/accounts/me": {"display_name": "x"},
        "POST /api/v1/accounts/change-password": {
            "current_password": forger.account.password,
            "new_password": "Another-horse-7",
        },
    }.get(f"{method} {path}")
    return stack.client().request(method, path, headers=carried, json=body)


@pytest.mark.parametrize("scope", NEARLY, ids=ascii)
def test_attack_a_scope_that_is_nearly_the_one_that_is_asked_for(
    stack: Stack, forger: Forger, scope: str
) -> None:
    """Scopes are whole words; 401 where what stands there is no list of words at all."""
    for method, path in (("GET", ME), ("PATCH", ME)):
        answer = asked(stack, forger, scope, method, path)
        assert answer.status_code == (403 if scope.isascii() else 401)


def test_attack_a_token_that_says_nothing_of_a_scope(stack: Stack, forger: Forger) -> None:
    """Silence is not everything. The service says a scope in each token that it makes."""
    assert asked(stack, forger, None, "GET", ME).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ME),
        ("PATCH", ME),
        ("POST", "/api/v1/accounts/logout-everywhere"),
        ("POST", "/api/v1/accounts/change-password"),
    ],
)
def test_attack_a_token_for_something_else_touches_no_account(
    stack: Stack, forger: Forger, method: str, path: str
) -> None:
    """A token that leaked from a reader of notes must not put its owner out, or in another's."""
    answer = asked(stack, forger, "notes:read files:write admin", method, path)
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="account"' in challenge
    assert stack.log_lines(event="authz_fail", request_id=answer.headers["x-request-id"])
    assert forger.account.client.get(ME).status_code == 200


def test_attack_the_administrators_scope_without_the_role(stack: Stack, forger: Forger) -> None:
    answer = asked(stack, forger, "account admin", "GET", USERS)
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers  # no other token would help


@pytest.mark.parametrize("scope", ["account", "administrator", "Admin", "admin:read", ""])
def test_attack_the_administrators_role_without_the_scope(
    stack: Stack, forger: Forger, administrator: Forger, scope: str
) -> None:
    """What an administrator gave to a script opens what it was given for."""
    answer = asked(stack, administrator, scope, "GET", USERS)
    assert answer.status_code == 403
    assert 'scope="admin"' in answer.headers["www-authenticate"]
    assert asked(stack, forger, scope, "GET", USERS).status_code == 403


@pytest.mark.parametrize("scope", ["account:all", "everything", "account  admin", " account", ""])
def test_attack_a_login_for_a_scope_that_there_is_not(stack: Stack, scope: str) -> None:
    user = stack.signup()
    given = {"email": user.email, "password": user.password, "scope": scope}
    assert stack.client().post(LOGIN, json=given).status_code == 422


def test_attack_a_refresh_that_asks_for_more(stack: Stack) -> None:
    """RFC 6749 §6 lets a refresh ask for less; here it asks for nothing."""
    user = stack.signup()
    given = {"email": user.email, "password": user.password, "scope": "account"}
    small = stack.client().post(LOGIN, json=given).json()
    asking = {"refresh_token": small["refresh_token"], "scope": "account admin"}
    assert stack.client().post("/api/v1/accounts/refresh", json=asking).status_code == 422
    plain = {"refresh_token": small["refresh_token"]}
    fresh = stack.client().post("/api/v1/accounts/refresh", json=plain).json()
    assert fresh["scope"] == small["scope"] == "account"


# Twins


@pytest.mark.parametrize("scope", ["account", "account admin", "notes:read account files:read"])
def test_twin_the_scope_that_is_asked_for(stack: Stack, forger: Forger, scope: str) -> None:
    for method, path in (("GET", ME), ("PATCH", ME)):
        assert asked(stack, forger, scope, method, path).status_code == 200


def test_twin_the_administrators_role_and_scope(stack: Stack, administrator: Forger) -> None:
    for scope in ("admin", "account admin"):
        assert asked(stack, administrator, scope, "GET", USERS).status_code == 200


def test_twin_logging_out_needs_no_scope(stack: Stack) -> None:
    """Whoever holds a token may give it up."""
    user = stack.signup()
    given = {"email": user.email, "password": user.password, "scope": "admin"}
    token = stack.client().post(LOGIN, json=given).json()["access_token"]
    carried = {"Authorization": f"Bearer {token}"}
    answer = stack.client().post("/api/v1/accounts/logout", headers=carried)
    assert answer.status_code == 204


def test_twin_a_login_that_asks_for_nothing_gets_everything_there_is(stack: Stack) -> None:
    user = stack.signup()
    given = {"email": user.email, "password": user.password}
    scopes = stack.client().post(LOGIN, json=given).json()["scope"].split()
    described = stack.client().get("/.well-known/oauth-protected-resource").json()
    assert set(scopes) == set(described["scopes_supported"])
    assert {"account", "admin"} <= set(scopes)
