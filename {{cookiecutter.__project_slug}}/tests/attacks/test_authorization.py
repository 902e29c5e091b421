"""Layer 8 under attack: other roles' functions. Other people's objects: `…_of_notes.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.stack import Account, Stack

USERS = "/api/v1/admin/users"
ME = "/api/v1/accounts/me"
BODIES = {
    ME: {"display_name": "x"},
    "/api/v1/accounts/change-password": {
        "current_password": "Correct-horse-7",
        "new_password": "Correct-horse-8",
    },
}


def with_scope(stack: Stack, user: Account, scope: str) -> httpx.Client:
    """Return a client of this user whose token is good for these scopes only."""
    given = {"email": user.email, "password": user.password, "scope": scope}
    client = stack.client()
    answer = client.post("/api/v1/accounts/login", json=given)
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/accounts/me"),
        ("PATCH", "/api/v1/accounts/me"),
        ("POST", "/api/v1/accounts/logout"),
        ("POST", "/api/v1/accounts/logout-everywhere"),
        ("POST", "/api/v1/accounts/change-password"),
        ("GET", USERS),
    ],
)
def test_attack_a_stranger_gets_into_nothing(stack: Stack, method: str, path: str) -> None:
    answer = stack.client().request(method, path, json=BODIES.get(path))
    assert answer.status_code == 401


def test_attack_a_user_is_no_administrator(stack: Stack) -> None:
    answer = stack.signup().client.get(USERS)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:problem:forbidden"
    assert stack.log_lines(event="authz_fail", request_id=answer.headers["x-request-id"])


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Original-URL": "/healthz"},
        {"X-Rewrite-URL": "/healthz"},
        {"X-Role": "admin"},
        {"X-User-Id": "1"},
    ],
    ids=str,
)
def test_attack_a_header_changes_no_role_path_or_method(
    stack: Stack, headers: dict[str, str]
) -> None:
    assert stack.signup().client.get(USERS, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/admin/users/",
        "//api/v1/admin/users",
        "/API/v1/admin/users",
        "/api/v1/admin/users/.",
    ],
)
def test_attack_another_spelling_of_a_path_opens_no_door(stack: Stack, path: str) -> None:
    assert stack.signup().client.get(path).status_code in {403, 404}


def test_attack_an_ordinary_user_can_not_make_itself_an_administrator(stack: Stack) -> None:
    user = stack.signup()
    for body in ({"role": "admin"}, {"display_name": "x", "role": "admin"}):
        assert user.client.patch("/api/v1/accounts/me", json=body).status_code == 422
    assert user.client.get("/api/v1/accounts/me").json()["role"] == "user"


@pytest.mark.parametrize(
    "name",
    [
        *("id", "user_id", "owner_id", "email", "password", "password_hash", "created_at"),
        *("disabled_at", "is_admin", "scope", "scopes", "session_id", "__class__", "_sa_instance"),
    ],
)
def test_attack_a_field_that_is_not_for_users_can_not_be_set(stack: Stack, name: str) -> None:
    user = stack.signup()
    before = user.client.get(ME).json()
    for value in ("admin", None, True, "2000-01-01T00:00:00Z"):
        body = {"display_name": "x", name: value}
        assert user.client.patch(ME, json=body).status_code == 422
    assert user.client.get(ME).json() == before


def test_attack_nothing_internal_leaves(stack: Stack) -> None:
    """Neither an own account nor, for administrators, another one tells more than it should."""
    user = stack.signup()
    stack.command("app.accounts", "promote", user.email)
    own = {"id", "email", "display_name", "role", "created_at"}
    assert set(user.client.get(ME).json()) == own
    assert set(user.client.patch(ME, json={"display_name": "x"}).json()) == own
    for account in user.client.get(USERS).json()["items"]:
        assert set(account) == own | {"disabled_at"}


@pytest.mark.parametrize("query", ["role=admin", "user_id=1", "scope=admin", "access=admin"])
def test_attack_a_query_changes_no_role(stack: Stack, query: str) -> None:
    assert stack.signup().client.get(f"{USERS}?{query}").status_code in {403, 422}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
def test_attack_another_method_opens_no_administrators_door(stack: Stack, method: str) -> None:
    for client in (stack.client(), stack.signup().client):
        headers = {"Content-Type": "application/json"}
        answer = client.request(method, USERS, content=b"{}", headers=headers)
        assert answer.status_code in {401, 403, 405}
        assert "@" not in answer.text


# --- Scopes ---------------------------------------------------------------------------------------


def test_attack_a_token_does_no_more_than_it_was_issued_for(stack: Stack) -> None:
    client = with_scope(stack, stack.signup(), "admin")
    refused = [
        client.get(ME),
        client.patch(ME, json=BODIES[ME]),
        client.post("/api/v1/accounts/logout-everywhere"),
        client.post(
            "/api/v1/accounts/change-password",
            json={"current_password": "Correct-horse-7", "new_password": "Correct-horse-8"},
        ),
    ]
    for answer in refused:
        assert answer.status_code == 403
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="account"' in challenge
        assert stack.log_lines(event="authz_fail", request_id=answer.headers["x-request-id"])


def test_attack_an_administrators_token_for_less_is_no_administrators(stack: Stack) -> None:
    user = stack.signup()
    stack.command("app.accounts", "promote", user.email)
    client = with_scope(stack, user, "account")
    assert client.get(ME).json()["role"] == "admin"
    assert client.get(USERS).status_code == 403


def test_attack_a_scope_makes_nobody_an_administrator(stack: Stack) -> None:
    client = with_scope(stack, stack.signup(), "admin account")
    answer = client.get(USERS)
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    "scope",
    [
        "*",
        "root",
        "admin:*",
        "ADMIN",
        "account,admin",
        "account  admin",
        " account",
        "",
        "a" * 2000,
    ],
)
def test_attack_a_scope_that_is_not_there_is_not_issued(stack: Stack, scope: str) -> None:
    user = stack.signup()
    given = {"email": user.email, "password": user.password, "scope": scope}
    assert stack.client().post("/api/v1/accounts/login", json=given).status_code == 422


def test_twin_a_token_does_what_it_was_issued_for(stack: Stack) -> None:
    client = with_scope(stack, stack.signup(), "account")
    assert client.get(ME).status_code == 200
    assert client.patch(ME, json=BODIES[ME]).json()["display_name"] == "x"
    assert client.post("/api/v1/accounts/logout").status_code == 204
    assert client.get(ME).status_code == 401


# --- Roles ----------------------------------------------------------------------------------------


def test_attack_a_role_that_was_taken_away_is_gone_at_once(stack: Stack) -> None:
    user = stack.signup()
    stack.command("app.accounts", "promote", user.email)
    assert user.client.get(USERS).status_code == 200
    stack.command("app.accounts", "demote", user.email)
    assert {user.client.get(USERS).status_code for _ in range(6)} == {403}


def test_twin_an_administrator_sees_the_accounts(stack: Stack) -> None:
    user = stack.signup()
    stack.command("app.accounts", "promote", user.email)
    answer = user.client.get(USERS)
    assert answer.status_code == 200
    assert answer.json()["items"][0]["email"] == user.email
