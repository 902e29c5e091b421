"""Layer 7: what presenting a refresh token amounts to, and sessions that must not live on."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sqlalchemy import func, select, update

from app.accounts import operators
from app.accounts.models import RefreshToken, Session
from app.accounts.refreshing import Presented, Verdict, judge
from app.database import utc_now
from app.layers.authentication import Passwords
from tests.in_process import PASSWORD, client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from fastapi import FastAPI

NOW = utc_now()
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LEEWAY = 10 * SECOND
FRESH = Presented(
    session_id=uuid.UUID(int=1),
    user_id=uuid.UUID(int=2),
    scope=None,
    expires_at=NOW + DAY,
    used_at=None,
    session_expires_at=NOW + DAY,
    revoked_at=None,
    disabled_at=None,
)
CASES: dict[str, tuple[dict[str, Any], Verdict]] = {
    "fresh": ({}, Verdict.FIRST),
    "fresh, and about to run out": ({"expires_at": NOW + SECOND}, Verdict.FIRST),
    "fresh, and run out": ({"expires_at": NOW}, Verdict.REFUSED),
    "used this moment": ({"used_at": NOW}, Verdict.AGAIN),
    "used within the leeway": ({"used_at": NOW - 9 * SECOND}, Verdict.AGAIN),
    "used a leeway ago": ({"used_at": NOW - LEEWAY}, Verdict.STOLEN),
    "used long ago": ({"used_at": NOW - DAY}, Verdict.STOLEN),
    "used, by a clock that is ahead": ({"used_at": NOW + 9 * SECOND}, Verdict.AGAIN),
    "used, by a clock that was set back": ({"used_at": NOW + LEEWAY}, Verdict.STOLEN),
    "used, and run out": ({"used_at": NOW - DAY, "expires_at": NOW}, Verdict.STOLEN),
    "of an ended session": ({"revoked_at": NOW}, Verdict.REFUSED),
    "of a session that has run out": ({"session_expires_at": NOW}, Verdict.REFUSED),
    "of a disabled user": ({"disabled_at": NOW}, Verdict.REFUSED),
    "used, of an ended session": ({"used_at": NOW, "revoked_at": NOW}, Verdict.REFUSED),
    "used, of a disabled user": ({"used_at": NOW - DAY, "disabled_at": NOW}, Verdict.REFUSED),
}


@pytest.mark.parametrize("case", CASES)
def test_what_presenting_a_token_amounts_to(case: str) -> None:
    changes, verdict = CASES[case]
    assert judge(FRESH._replace(**changes), NOW, LEEWAY) is verdict


def test_an_unknown_token_is_refused() -> None:
    assert judge(None, NOW, LEEWAY) is Verdict.REFUSED


def test_without_a_leeway_the_second_use_is_a_theft_in_the_same_moment() -> None:
    assert judge(FRESH._replace(used_at=NOW), NOW, timedelta()) is Verdict.STOLEN


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    async with running(make_settings(tmp_path_factory.mktemp("service"))) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    await empty(shared)
    return shared


async def refreshed(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/accounts/refresh", json={"refresh_token": token})


async def living_sessions(app: FastAPI) -> int:
    async with app.state.database.engine.connect() as connection:
        query = select(func.count()).select_from(Session).where(Session.revoked_at.is_(None))
        return int(await connection.scalar(query))


@pytest.mark.anyio
async def test_of_many_at_once_one_next_token_comes_out(app: FastAPI) -> None:
    client = client_of(app)
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    answers: list[httpx.Response] = []

    async def use() -> None:
        answers.append(await refreshed(client, first))

    async with anyio.create_task_group() as tasks:
        for _ in range(12):  # as many as a worker without Redis lets through
            tasks.start_soon(use)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    async with app.state.database.engine.connect() as connection:
        stored = await connection.scalar(select(func.count()).select_from(RefreshToken))
    assert stored == 2


@pytest.mark.anyio
async def test_a_lost_answer_is_told_again_until_the_next_token_is_used(app: FastAPI) -> None:
    client = client_of(app)
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    second = (await refreshed(client, first)).json()["refresh_token"]
    assert (await refreshed(client, first)).json()["refresh_token"] == second
    assert (await refreshed(client, second)).status_code == 200
    assert await living_sessions(app) == 1
    assert (await refreshed(client, first)).status_code == 401
    assert await living_sessions(app) == 0


@pytest.mark.anyio
async def test_a_token_used_after_the_leeway_ends_the_session(app: FastAPI) -> None:
    client = client_of(app)
    tokens = await sign_up(client, "ann@example.com")
    second = (await refreshed(client, tokens["refresh_token"])).json()
    async with app.state.database.engine.begin() as connection:
        used = RefreshToken.used_at.is_not(None)
        await connection.execute(update(RefreshToken).where(used).values(used_at=NOW - DAY))
    assert (await refreshed(client, tokens["refresh_token"])).status_code == 401
    assert (await refreshed(client, second["refresh_token"])).status_code == 401
    assert (await client.get("/api/v1/accounts/me")).status_code == 401


@pytest.mark.anyio
async def test_a_user_disabled_during_a_login_has_no_session_when_enabled_again(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(app)
    await sign_up(client, "ann@example.com")
    verify = Passwords.verify

    async def disable_meanwhile(self: Passwords, password: str, stored: str | None) -> bool:
        async with app.state.database.sessions() as database:
            await operators.disable(database, "ann@example.com")
        return await verify(self, password, stored)

    monkeypatch.setattr(Passwords, "verify", disable_meanwhile)
    given = {"email": "ann@example.com", "password": PASSWORD}
    assert (await client.post("/api/v1/accounts/login", json=given)).status_code == 401
    async with app.state.database.sessions() as database:
        await operators.enable(database, "ann@example.com")
    assert await living_sessions(app) == 0


@pytest.mark.anyio
async def test_a_changed_password_ends_every_session_but_the_one_it_begins(app: FastAPI) -> None:
    client, other = client_of(app), client_of(app)
    first = await sign_up(client, "ann@example.com")
    given = {"email": "ann@example.com", "password": PASSWORD}
    second = (await other.post("/api/v1/accounts/login", json=given)).json()
    change = {"current_password": "Wrong-horse-7", "new_password": "Another-horse-8"}
    path = "/api/v1/accounts/change-password"
    assert (await client.post(path, json=change)).status_code == 403
    assert await living_sessions(app) == 2
    changed = await client.post(path, json=change | {"current_password": PASSWORD})
    for tokens in (first, second):
        assert (await refreshed(client, tokens["refresh_token"])).status_code == 401
    assert (await refreshed(client, changed.json()["refresh_token"])).status_code == 200
    assert await living_sessions(app) == 1


@pytest.mark.anyio
async def test_logging_out_everywhere_leaves_no_session(app: FastAPI) -> None:
    client = client_of(app)
    await sign_up(client, "ann@example.com")
    given = {"email": "ann@example.com", "password": PASSWORD}
    assert (await client_of(app).post("/api/v1/accounts/login", json=given)).status_code == 200
    assert (await client.post("/api/v1/accounts/logout-everywhere")).status_code == 204
    assert await living_sessions(app) == 0
