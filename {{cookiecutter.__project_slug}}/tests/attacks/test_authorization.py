"""Layer 8 under attack: other roles' functions. Other people's objects: `…_of_notes.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stack import Stack

USERS = "/api/v1/admin/users"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/accounts/me"),
        ("PATCH", "/api/v1/accounts/me"),
        ("POST", "/api/v1/accounts/logout"),
        ("GET", USERS),
    ],
)
def test_attack_a_stranger_gets_into_nothing(stack: Stack, method: str, path: str) -> None:
    body = {"display_name": "x"} if method == "PATCH" else None
    answer = stack.client().request(method, path, json=body)
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
