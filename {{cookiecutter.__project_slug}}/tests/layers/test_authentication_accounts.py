"""Layer 7: what is told when a session ends, what is stored, and what a login gives away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import func, select, update

from app.accounts import refreshing
from app.accounts.models import RefreshToken, Session, User
from app.accounts.sessions import digest_of
from app.layers.authentication import Passwords
from tests.in_process import PASSWORD, client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Iterator, Sequence

    import httpx
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio

ACCOUNTS = "/api/v1/accounts"
ANN = "ann@example.com"
GIVEN = {"email": ANN, "password": PASSWORD}
CHANGE = {"current_password": PASSWORD, "new_password": "Another-horse-8"}
OURS = "$argon2id$v=19$m=19456,t=2,p=1"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    # Ann logs in and fails often here.
    limits = {"RATE_LIMITS__FAILED_LOGINS": "1000/minute", "RATE_LIMITS__LOGIN": "1000/minute"}
    async with running(make_settings(tmp_path_factory.mktemp("service"), **limits)) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    await empty(shared)
    return shared


@pytest.fixture
async def client(app: FastAPI) -> httpx.AsyncClient:
    return client_of(app)


@pytest.fixture
def told(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[uuid.UUID]]:
    """What this worker would tell the others from now on."""
    heard: list[uuid.UUID] = []
    publish = app.state.changes.publish

    async def note(*ids: uuid.UUID) -> bool:
        heard.extend(ids)
        told: bool = await publish(*ids)
        return told

    with monkeypatch.context() as patched:
        patched.setattr(app.state.changes, "publish", note)
        yield heard


async def refreshed(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(f"{ACCOUNTS}/refresh", json={"refresh_token": token})


async def ids_of(app: FastAPI) -> tuple[uuid.UUID, Sequence[uuid.UUID]]:
    """Return the id of the only user, and those of its sessions."""
    async with app.state.database.engine.connect() as connection:
        users = (await connection.scalars(select(User.id))).all()
        sessions = await connection.scalars(select(Session.id))
        assert len(users) == 1
        return users[0], sessions.all()


async def stored_hash(app: FastAPI) -> str:
    async with app.state.database.engine.connect() as connection:
        return str(await connection.scalar(select(User.password_hash)))


async def test_every_worker_is_told_of_what_ended(
    app: FastAPI, client: httpx.AsyncClient, told: list[uuid.UUID]
) -> None:
    await sign_up(client, ANN)
    user, (first,) = await ids_of(app)
    assert (await client.post(f"{ACCOUNTS}/logout")).status_code == 204
    assert told == [first]
    for path in ("logout-everywhere", "change-password"):
        told.clear()
        tokens = (await client.post(f"{ACCOUNTS}/login", json=GIVEN)).json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        (await client.post(f"{ACCOUNTS}/{path}", json=CHANGE)).raise_for_status()
        assert told == [user]


async def test_every_worker_is_told_of_a_theft(
    app: FastAPI, client: httpx.AsyncClient, told: list[uuid.UUID]
) -> None:
    first = (await sign_up(client, ANN))["refresh_token"]
    second = (await refreshed(client, first)).json()["refresh_token"]
    assert (await refreshed(client, second)).status_code == 200
    assert told == []
    for _ in range(2):
        assert (await refreshed(client, first)).status_code == 401
    assert told == list((await ids_of(app))[1])


async def test_of_refresh_tokens_nothing_but_digests_is_stored(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    first = (await sign_up(client, ANN))["refresh_token"]
    second = (await refreshed(client, first)).json()["refresh_token"]
    async with app.state.database.engine.connect() as connection:
        rows = (await connection.execute(select(RefreshToken.__table__))).all()
    for stored in (part for row in rows for part in row if isinstance(part, bytes)):
        assert len(stored) == 32
        assert stored not in {first.encode(), second.encode()}
    assert {row.digest for row in rows} == {digest_of(first), digest_of(second)}


async def test_the_next_token_depends_on_the_services_secret(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever has one token of a chain could reckon all that follow."""
    first = (await sign_up(client, ANN))["refresh_token"]
    assert (await refreshed(client, first)).status_code == 200
    monkeypatch.setattr(refreshing, "PURPOSE", "as another key would derive it")
    assert (await refreshed(client, first)).status_code == 401


async def test_a_scope_that_there_is_not_is_refused_and_one_that_is_does_not_grow(
    client: httpx.AsyncClient,
) -> None:
    await sign_up(client, ANN)
    unknown = await client.post(f"{ACCOUNTS}/login", json=GIVEN | {"scope": "account everything"})
    assert unknown.status_code == 422
    tokens = (await client.post(f"{ACCOUNTS}/login", json=GIVEN | {"scope": "admin"})).json()
    again = (await refreshed(client, tokens["refresh_token"])).json()
    assert tokens["scope"] == again["scope"] == "admin"
    client.headers["Authorization"] = f"Bearer {again['access_token']}"
    assert (await client.get(f"{ACCOUNTS}/me")).status_code == 403


async def test_whoever_can_not_log_in_costs_the_same_work(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody, a wrong password, one without, a hash that is none, a disabled user."""
    await sign_up(client, ANN)
    today = await stored_hash(app)
    verified: list[str] = []
    verify = Argon2Hasher.verify

    def count(self: Argon2Hasher, password: str, stored: str) -> bool:
        verified.append(stored.rsplit("$", 2)[0])
        return verify(self, password, stored)

    monkeypatch.setattr(Argon2Hasher, "verify", count)
    answers = []
    attempts: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({}, GIVEN | {"email": "nobody@example.com"}),
        ({}, GIVEN | {"password": "Wrong-horse-7"}),
        ({"password_hash": None}, GIVEN),
        ({"password_hash": "x"}, GIVEN),
        ({"password_hash": today, "disabled_at": func.now()}, GIVEN),
    ]
    for values, given in attempts:
        async with app.state.database.engine.begin() as connection:
            await connection.execute(update(User).values(values or {"role": "user"}))
        answer = await client.post(f"{ACCOUNTS}/login", json=given)
        answers.append((answer.status_code, answer.json() | {"request_id": ""}))
    assert answers == [answers[0]] * 5
    assert answers[0][0] == 401
    assert verified == [OURS] * 5


async def test_a_hash_of_other_parameters_is_renewed_by_a_login_and_by_nothing_else(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await sign_up(client, ANN)
    old = Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    async with app.state.database.engine.begin() as connection:
        await connection.execute(update(User).values(password_hash=old))
    wrong = GIVEN | {"password": "Wrong-horse-7"}
    assert (await client.post(f"{ACCOUNTS}/login", json=wrong)).status_code == 401
    assert await stored_hash(app) == old
    assert (await client.post(f"{ACCOUNTS}/login", json=GIVEN)).status_code == 200
    renewed = await stored_hash(app)
    assert renewed.startswith(OURS)
    assert (await client.post(f"{ACCOUNTS}/login", json=GIVEN)).status_code == 200
    assert await stored_hash(app) == renewed


async def test_a_password_changed_during_a_login_is_not_overwritten_by_its_renewal(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client, ANN)
    old = Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    async with app.state.database.engine.begin() as connection:
        await connection.execute(update(User).values(password_hash=old))
    hash_anew = Passwords.hash

    async def hash_late(self: Passwords, password: str) -> str:
        async with app.state.database.engine.begin() as connection:
            await connection.execute(update(User).values(password_hash="changed"))
        return await hash_anew(self, password)

    monkeypatch.setattr(Passwords, "hash", hash_late)
    assert (await client.post(f"{ACCOUNTS}/login", json=GIVEN)).status_code == 200
    assert await stored_hash(app) == "changed"


async def test_a_password_changed_during_another_change_is_not_overwritten(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client, ANN)
    hash_anew = Passwords.hash

    async def hash_late(self: Passwords, password: str) -> str:
        async with app.state.database.engine.begin() as connection:
            await connection.execute(update(User).values(password_hash="changed"))
        return await hash_anew(self, password)

    monkeypatch.setattr(Passwords, "hash", hash_late)
    answer = await client.post(f"{ACCOUNTS}/change-password", json=CHANGE)
    assert answer.status_code == 409
    assert await stored_hash(app) == "changed"
