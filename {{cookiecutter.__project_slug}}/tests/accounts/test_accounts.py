"""Accounts: the life of a session, from signing up to logging out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from app.accounts import operators
from app.accounts.models import RefreshToken, Session, User
from app.database import utc_now
from tests.in_process import PASSWORD, client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, database_url: str
) -> AsyncIterator[FastAPI]:
    folder = tmp_path_factory.mktemp("service")
    async with running(make_settings(folder, DATABASE__URL=database_url)) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    await empty(shared)
    return shared


@pytest.fixture
async def client(app: FastAPI) -> httpx.AsyncClient:
    return client_of(app)


async def refreshed(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/accounts/refresh", json={"refresh_token": token})


async def test_signing_up_logging_in_and_asking_who_i_am(client: httpx.AsyncClient) -> None:
    tokens = await sign_up(client, "ann@example.com")
    assert tokens["token_type"] == "Bearer"
    account = (await client.get("/api/v1/accounts/me")).json()
    assert account["email"] == "ann@example.com"
    assert set(account) == {"id", "email", "display_name", "role", "created_at"}


async def test_one_address_has_one_account_however_it_is_spelt(client: httpx.AsyncClient) -> None:
    await sign_up(client, "ann@example.com")
    given = {"email": "ANN@Example.com", "password": PASSWORD}
    assert (await client.post("/api/v1/accounts/signup", json=given)).status_code == 409
    assert (await client.post("/api/v1/accounts/login", json=given)).status_code == 200


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
    client: httpx.AsyncClient,
) -> None:
    await sign_up(client, "ann@example.com")
    answers = [
        await client.post("/api/v1/accounts/login", json={"email": email, "password": password})
        for email, password in [("ann@example.com", "Wrong-horse-7"), ("bob@example.com", PASSWORD)]
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    bodies = [answer.json() | {"request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1]


async def test_a_password_typed_on_another_machine_is_the_same_password(
    client: httpx.AsyncClient,
) -> None:
    """Some systems send é as one character, some as two."""
    account = {"email": "ann@example.com", "password": "Aa1-cafe\u0301-xxxx"}
    assert (await client.post("/api/v1/accounts/signup", json=account)).status_code == 201
    for password in ("Aa1-cafe\u0301-xxxx", "Aa1-caf\u00e9-xxxx"):
        given = account | {"password": password}
        assert (await client.post("/api/v1/accounts/login", json=given)).status_code == 200


async def test_a_password_is_stored_as_argon2id_only(app: FastAPI) -> None:
    await sign_up(client_of(app), "ann@example.com")
    async with app.state.database.sessions() as database:
        stored = await database.scalar(select(User.password_hash))
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


async def test_a_refresh_token_is_stored_as_its_digest_only(app: FastAPI) -> None:
    tokens = await sign_up(client_of(app), "ann@example.com")
    async with app.state.database.sessions() as database:
        digest = await database.scalar(select(RefreshToken.digest))
    assert len(digest) == 32
    assert tokens["refresh_token"].encode() not in digest


async def test_a_refresh_token_gives_new_tokens_once(client: httpx.AsyncClient) -> None:
    first = await sign_up(client, "ann@example.com")
    second = (await refreshed(client, first["refresh_token"])).raise_for_status().json()
    assert second["refresh_token"] != first["refresh_token"]
    client.headers["Authorization"] = f"Bearer {second['access_token']}"
    assert (await client.get("/api/v1/accounts/me")).status_code == 200
    third = await refreshed(client, second["refresh_token"])
    assert third.status_code == 200


@pytest.mark.parametrize("token", ["x" * 43, "é" * 43])
async def test_an_unknown_refresh_token_is_refused(client: httpx.AsyncClient, token: str) -> None:
    assert (await refreshed(client, token)).status_code == 401


async def test_logging_out_ends_the_access_token_and_the_refresh_token(
    client: httpx.AsyncClient,
) -> None:
    tokens = await sign_up(client, "ann@example.com")
    assert (await client.post("/api/v1/accounts/logout")).status_code == 204
    assert (await client.get("/api/v1/accounts/me")).status_code == 401
    assert (await refreshed(client, tokens["refresh_token"])).status_code == 401


async def test_logging_out_of_one_session_leaves_the_others(app: FastAPI) -> None:
    one, other = client_of(app), client_of(app)
    await sign_up(one, "ann@example.com")
    given = {"email": "ann@example.com", "password": PASSWORD}
    tokens = (await other.post("/api/v1/accounts/login", json=given)).json()
    other.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    await one.post("/api/v1/accounts/logout")
    assert (await other.get("/api/v1/accounts/me")).status_code == 200


async def test_a_disabled_user_stops_at_once(app: FastAPI, client: httpx.AsyncClient) -> None:
    tokens = await sign_up(client, "ann@example.com")
    async with app.state.database.sessions() as database:
        assert await operators.disable(database, "ann@example.com")
    assert (await client.get("/api/v1/accounts/me")).status_code == 401
    assert (await refreshed(client, tokens["refresh_token"])).status_code == 401
    given = {"email": "ann@example.com", "password": PASSWORD}
    assert (await client.post("/api/v1/accounts/login", json=given)).status_code == 401


async def test_a_session_that_has_run_out_is_over_and_swept(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    tokens = await sign_up(client, "ann@example.com")
    async with app.state.database.sessions() as database:
        await database.execute(update(Session).values(expires_at=utc_now()))
        await database.commit()
        assert (await client.get("/api/v1/accounts/me")).status_code == 401
        assert (await refreshed(client, tokens["refresh_token"])).status_code == 401
        tokens_left = select(func.count()).select_from(RefreshToken)
        await operators.sweep(database)
        assert await database.scalar(tokens_left) == 1, "a refresh may be under way in it"
        await database.execute(update(Session).values(expires_at=utc_now() - operators.SWEPT_AFTER))
        await database.commit()
        await operators.sweep(database)
        assert await database.scalar(tokens_left) == 0


async def test_users_change_their_name_and_nothing_else(client: httpx.AsyncClient) -> None:
    await sign_up(client, "ann@example.com")
    changed = await client.patch("/api/v1/accounts/me", json={"display_name": "Ann O'Brien"})
    assert changed.json()["display_name"] == "Ann O'Brien"
    grab: dict[str, Any]
    for grab in (
        {"role": "admin"},
        {"email": "x@example.com"},
        {"id": "1"},
        {"password_hash": "x"},
    ):
        answer = await client.patch("/api/v1/accounts/me", json={"display_name": "A"} | grab)
        assert answer.status_code == 422


async def test_an_administrator_sees_all_accounts_page_by_page(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    for name in ("ann", "bob", "eve"):
        await sign_up(client, f"{name}@example.com")
    assert (await client.get("/api/v1/admin/users")).status_code == 403
    async with app.state.database.sessions() as database:
        assert await operators.set_role(database, "eve@example.com", "admin")
    first = (await client.get("/api/v1/admin/users", params={"limit": 2})).json()
    assert [user["email"] for user in first["items"]] == ["eve@example.com", "bob@example.com"]
    assert "password_hash" not in first["items"][0]
    rest = await client.get(
        "/api/v1/admin/users", params={"limit": 2, "cursor": first["next_cursor"]}
    )
    assert [user["email"] for user in rest.json()["items"]] == ["ann@example.com"]
    assert rest.json()["next_cursor"] is None
