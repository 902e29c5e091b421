"""Layer 7 under attack, on PostgreSQL: races that only a server lets happen, and its failures.

The other files of this layer run on SQLite, where one writes at a time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.forgery import ME, REFRESH, status_with
from tests.gate import gate
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.postgres import PostgresServer
    from tests.stack import Account, Stack

ACCOUNTS = "/api/v1/accounts"
LOGIN, LOGOUT = f"{ACCOUNTS}/login", f"{ACCOUNTS}/logout"
READ_ONLY = "LOCK TABLE {} IN SHARE MODE"
MANY, SEVERAL = 50, 8
"""Requests, and how many of them meet in the database: more than one worker has connections."""


def at_once(*calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Return what they were answered; they are made at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [answer.result() for answer in [pool.submit(call) for call in calls]]


def posting(stack: Stack, path: str, body: dict[str, str]) -> Callable[[], httpx.Response]:
    """Return a call from an address of its own."""
    client = stack.client()
    return lambda: client.post(path, json=body)


def refreshing(stack: Stack, token: str) -> Callable[[], httpx.Response]:
    return posting(stack, REFRESH, {"refresh_token": token})


def credentials(user: Account) -> dict[str, str]:
    return {"email": user.email, "password": user.password}


def statuses_with(stack: Stack, token: str) -> set[int]:
    """Return what a dozen requests get, so that every worker is asked."""
    return {status_with(stack, token) for _ in range(12)}


def assert_ended(stack: Stack, tokens: dict[str, Any]) -> None:
    assert statuses_with(stack, tokens["access_token"]) == {401}
    assert refreshing(stack, tokens["refresh_token"])().status_code == 401


def url_of(stack: Stack) -> str:
    return stack.service.settings["DATABASE__URL"]


def tokens_of(user: Account) -> dict[str, str]:
    return {"access_token": user.access_token, "refresh_token": user.refresh_token}


# Ends


def test_attack_a_token_after_logging_out(on_postgresql: Stack) -> None:
    user = on_postgresql.signup()
    assert statuses_with(on_postgresql, user.access_token) == {200}
    assert user.client.post(LOGOUT).status_code == 204
    assert_ended(on_postgresql, tokens_of(user))


def test_attack_a_disabled_user(on_postgresql: Stack) -> None:
    user = on_postgresql.signup()
    assert statuses_with(on_postgresql, user.access_token) == {200}
    on_postgresql.command("app.accounts", "disable", user.email)
    assert_ended(on_postgresql, tokens_of(user))
    assert posting(on_postgresql, LOGIN, credentials(user))().status_code == 401


def test_attack_refreshing_while_logging_out_saves_no_session(on_postgresql: Stack) -> None:
    """Whichever comes first, nothing that a refresh gave outlives the logout."""
    user = on_postgresql.signup()
    refreshes = [refreshing(on_postgresql, user.refresh_token) for _ in range(12)]
    ended, *answers = at_once(lambda: user.client.post(LOGOUT), *refreshes)
    assert ended.status_code == 204
    assert {answer.status_code for answer in answers} <= {200, 401}
    for tokens in (tokens_of(user), *(one.json() for one in answers if one.status_code == 200)):
        assert_ended(on_postgresql, tokens)


def test_attack_everything_that_ends_sessions_at_once_breaks_nothing(
    on_postgresql: Stack,
) -> None:
    """They lock the same rows from different ends: PostgreSQL would call a deadlock."""
    user = on_postgresql.signup()
    others = [posting(on_postgresql, LOGIN, credentials(user))().json() for _ in range(4)]
    bearers = [on_postgresql.client() for _ in others]
    for client, tokens in zip(bearers, others, strict=True):
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    changed = {"current_password": user.password, "new_password": f"{user.password}-2"}
    answers = at_once(
        *(refreshing(on_postgresql, tokens["refresh_token"]) for tokens in others),
        lambda: bearers[0].post(LOGOUT),
        lambda: bearers[1].post(f"{ACCOUNTS}/logout-everywhere"),
        lambda: bearers[2].post(f"{ACCOUNTS}/change-password", json=changed),
        lambda: bearers[3].post(f"{ACCOUNTS}/logout-everywhere"),
    )
    assert all(answer.status_code < 500 for answer in answers), answers
    for tokens in (tokens_of(user), *others):
        assert_ended(on_postgresql, tokens)


def test_twin_other_sessions_and_users_go_on(on_postgresql: Stack) -> None:
    user, other = on_postgresql.signup(), on_postgresql.signup()
    second = posting(on_postgresql, LOGIN, credentials(user))().json()
    assert user.client.post(LOGOUT).status_code == 204
    assert statuses_with(on_postgresql, second["access_token"]) == {200}
    assert statuses_with(on_postgresql, other.access_token) == {200}


# Races


def test_attack_a_refresh_token_used_by_fifty_at_once_has_one_successor(
    on_postgresql: Stack, postgres: PostgresServer
) -> None:
    """Several have found it fresh, in both workers, before the first of them uses it."""
    user = on_postgresql.signup()
    calls = [refreshing(on_postgresql, user.refresh_token) for _ in range(MANY)]
    with gate(postgres, url_of(on_postgresql), READ_ONLY.format("refresh_tokens"), SEVERAL):
        answers = at_once(*calls)
    assert {answer.status_code for answer in answers} <= {200, 503}, "503: no connection in time"
    (following,) = {one.json()["refresh_token"] for one in answers if one.status_code == 200}
    assert refreshing(on_postgresql, following)().status_code == 200
    assert refreshing(on_postgresql, user.refresh_token)().status_code == 401
    assert statuses_with(on_postgresql, user.access_token) == {401}, "it was stolen"


def test_attack_one_address_signed_up_by_many_at_once_is_one_account(
    on_postgresql: Stack, postgres: PostgresServer
) -> None:
    user = on_postgresql.signup()
    names = [f"race-{user.user_id}@example.com", f"RACE-{user.user_id}@Example.COM"]
    wanted = [{"email": name, "password": user.password} for name in names * 5]
    calls = [posting(on_postgresql, f"{ACCOUNTS}/signup", one) for one in wanted]
    with gate(postgres, url_of(on_postgresql), READ_ONLY.format("users"), 2):
        answers = at_once(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]
    logins = [posting(on_postgresql, LOGIN, one)() for one in wanted[:2]]
    assert [answer.status_code for answer in logins] == [200, 200]


def test_twin_many_sign_up_and_refresh_at_once(on_postgresql: Stack) -> None:
    with ThreadPoolExecutor(8) as pool:
        users = list(pool.map(lambda _: on_postgresql.signup(), range(8)))
    answers = at_once(*(refreshing(on_postgresql, user.refresh_token) for user in users))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json()["refresh_token"] for answer in answers}) == 8


# Failures


@contextmanager
def stopped(postgres: PostgresServer) -> Iterator[None]:
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def hanging(postgres: PostgresServer) -> Iterator[None]:
    postgres.hang()
    try:
        yield
    finally:
        postgres.go_on()


@pytest.mark.parametrize("failing", [stopped, hanging])
def test_attack_nobody_gets_in_while_the_database_is_away_and_all_when_it_is_back(
    on_postgresql: Stack,
    postgres: PostgresServer,
    failing: Callable[[PostgresServer], Any],
) -> None:
    user, client = on_postgresql.signup(), on_postgresql.client()
    unknown = [refreshing(on_postgresql, "x" * 43) for _ in range(2 * SEVERAL)]
    at_once(*unknown)  # so that each worker has connections that it may try
    late = {"email": f"late-{user.email}", "password": user.password}
    with failing(postgres):
        answers = at_once(
            lambda: user.client.get(ME),
            lambda: user.client.post(LOGOUT),
            refreshing(on_postgresql, user.refresh_token),
            posting(on_postgresql, LOGIN, credentials(user)),
            posting(on_postgresql, f"{ACCOUNTS}/signup", late),
            *unknown,
        )
        assert status_with(on_postgresql, f"{user.access_token}x") == 401, "no need to ask for it"
        assert client.get("/healthz").status_code == 200
        assert client.get("/.well-known/jwks.json").status_code == 200
        wait_until(lambda: client.get("/readyz").status_code == 503, "not ready")
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:problem:unavailable"
        assert answer.json()["detail"] == "Try again later."
    wait_until(lambda: client.get("/readyz").status_code == 200, "ready again, by itself")
    assert statuses_with(on_postgresql, user.access_token) == {200}
    assert posting(on_postgresql, LOGIN, credentials(user))().status_code == 200
    assert refreshing(on_postgresql, user.refresh_token)().status_code == 200
    assert posting(on_postgresql, LOGIN, late)().status_code == 401


def test_attack_whoever_is_cut_off_in_the_middle_is_told_to_come_again(
    on_postgresql: Stack, postgres: PostgresServer
) -> None:
    user = on_postgresql.signup()
    calls = [refreshing(on_postgresql, user.refresh_token) for _ in range(MANY)]
    shut, end = READ_ONLY.format("refresh_tokens"), "pg_terminate_backend(pid)"
    with gate(postgres, url_of(on_postgresql), shut, SEVERAL, end):
        answers = at_once(*calls)
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert [answer.status_code for answer in answers].count(503) >= SEVERAL
    again = refreshing(on_postgresql, user.refresh_token)()
    assert again.status_code == 200, "nobody was logged out by it"
    assert statuses_with(on_postgresql, again.json()["access_token"]) == {200}


def test_attack_a_crash_of_the_database_brings_back_no_ended_session(
    on_postgresql: Stack, postgres: PostgresServer
) -> None:
    ended, twin = on_postgresql.signup(), on_postgresql.signup()
    fresh = refreshing(on_postgresql, twin.refresh_token)().json()
    assert ended.client.post(LOGOUT).status_code == 204
    postgres.crash()
    postgres.start()
    client = on_postgresql.client()
    wait_until(lambda: client.get("/readyz").status_code == 200, "ready again, by itself")
    assert_ended(on_postgresql, tokens_of(ended))
    assert statuses_with(on_postgresql, fresh["access_token"]) == {200}
    assert refreshing(on_postgresql, fresh["refresh_token"])().status_code == 200
