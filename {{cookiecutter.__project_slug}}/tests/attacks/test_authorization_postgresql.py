"""Layer 8 under attack, on PostgreSQL: other roles' functions, and values made to break a query."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from app.pagination import encode_cursor

if TYPE_CHECKING:
    import httpx

    from tests.stack import Account, Stack

USERS = "/api/v1/admin/users"
ENDS_OF_TIME = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
ENDS_OF_IDS = (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1))


@pytest.fixture(scope="module")
def administrator(on_postgresql: Stack) -> Account:
    """Return an administrator."""
    user = on_postgresql.signup()
    on_postgresql.command("app.accounts", "promote", user.email)
    return user


def statuses(client: httpx.Client) -> set[int]:
    """Return what an administrator's request gets, from every worker."""
    return {client.get(USERS).status_code for _ in range(12)}


def test_attack_a_role_that_was_taken_away(on_postgresql: Stack) -> None:
    user = on_postgresql.signup()
    on_postgresql.command("app.accounts", "promote", user.email)
    assert statuses(user.client) == {200}
    on_postgresql.command("app.accounts", "demote", user.email)
    assert statuses(user.client) == {403}


def test_attack_a_scope_that_was_not_asked_for(
    on_postgresql: Stack, administrator: Account
) -> None:
    """An administrator who logged in for less has no more, after a refresh neither."""
    client = on_postgresql.client()
    who = {"email": administrator.email, "password": administrator.password}
    given = who | {"scope": "account"}
    tokens = client.post("/api/v1/accounts/login", json=given).json()
    again = {"refresh_token": tokens["refresh_token"]}
    fresh = client.post("/api/v1/accounts/refresh", json=again).json()
    for token in (tokens["access_token"], fresh["access_token"]):
        client.headers["Authorization"] = f"Bearer {token}"
        assert statuses(client) == {403}
        assert client.get("/api/v1/accounts/me").status_code == 200


@pytest.mark.parametrize("moment", ENDS_OF_TIME, ids=["first", "last"])
def test_attack_a_cursor_at_the_ends_of_time_and_ids(
    administrator: Account, moment: datetime
) -> None:
    for identity in ENDS_OF_IDS:
        given: dict[str, str | int] = {"cursor": encode_cursor(moment, identity), "limit": 1}
        answer = administrator.client.get(USERS, params=given)
        assert answer.status_code == 200
        assert len(answer.json()["items"]) == (1 if moment.year > 1 else 0)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "\udfff\ud800"], ids=ascii)
def test_attack_text_that_postgresql_can_not_hold(on_postgresql: Stack, text: str) -> None:
    """A zero byte or half a surrogate pair is fine in JSON, and in SQLite."""
    user = on_postgresql.signup()
    escaped = text.encode("utf-16-be", "surrogatepass").hex()
    units = "".join(f"\\u{escaped[start : start + 4]}" for start in range(0, len(escaped), 4))
    calls = {
        ("PATCH", "me"): '{"display_name": "%s"}',
        ("POST", "signup"): '{"email": "%s@example.com", "password": "Correct-horse-7"}',
        ("POST", "login"): '{"email": "%s@example.com", "password": "Correct-horse-7"}',
        ("POST", "refresh"): f'{{"refresh_token": "{"x" * 42}%s"}}',
    }
    for (method, name), body in calls.items():
        answer = user.client.request(
            method,
            f"/api/v1/accounts/{name}",
            content=body % units,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in {400, 401, 422}, (name, answer.text)


def test_twin_an_administrator_pages_through_the_accounts(
    on_postgresql: Stack, administrator: Account
) -> None:
    users = [on_postgresql.signup() for _ in range(3)]
    client = administrator.client
    first = client.get(USERS, params={"limit": 2}).json()
    rest = client.get(USERS, params={"limit": 1, "cursor": first["next_cursor"]}).json()
    found = [account["email"] for account in first["items"] + rest["items"]]
    assert found == [user.email for user in users[::-1]]


def test_twin_text_of_every_script_comes_back_as_it_was_given(on_postgresql: Stack) -> None:
    client = on_postgresql.signup().client
    for name in (
        "Ann O'Brien",
        "Zoë \u00df",
        "日本語",
        "مرحبا",
        "👩\u200d🚀",
        "'; DROP TABLE users; --",
    ):
        changed = client.patch("/api/v1/accounts/me", json={"display_name": name})
        assert changed.status_code == 200, name
        assert client.get("/api/v1/accounts/me").json()["display_name"] == name
