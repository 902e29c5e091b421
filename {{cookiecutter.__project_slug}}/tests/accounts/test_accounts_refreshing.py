"""Refresh tokens on both databases: many at once, thieves, crashes, rotations and moved clocks."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import func, select, update

from app.accounts import refreshing
from app.accounts.models import RefreshToken, Session
from app.accounts.sessions import Issuer, digest_of
from app.database import utc_now
from app.layers.authentication import AccessTokens
from tests.in_process import PASSWORD, client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio

LEEWAY = timedelta(seconds=10)
PATIENT = {
    "RATE_LIMITS__REFRESH": "100000/minute",
    "RATE_LIMITS__PER_CLIENT": "100000/minute",
    # A thousand at once take a while on a busy machine, and all of them mean the same moment.
    "AUTHENTICATION__REFRESH_LEEWAY_SECONDS": "60",
}


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


async def next_of(client: httpx.AsyncClient, token: str) -> str:
    following: str = (await refreshed(client, token)).raise_for_status().json()["refresh_token"]
    return following


def p256_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


async def moved(app: FastAPI, token: str, by: timedelta) -> None:
    """Let the first use of a token have been at another moment."""
    async with app.state.database.engine.begin() as connection:
        row = RefreshToken.digest == digest_of(token)
        used_at = await connection.scalar(select(RefreshToken.used_at).where(row))
        await connection.execute(update(RefreshToken).where(row).values(used_at=used_at + by))


async def counted(app: FastAPI, *conditions: Any) -> int:
    async with app.state.database.engine.connect() as connection:
        of = conditions[0].left.table
        return int(await connection.scalar(select(func.count()).select_from(of).where(*conditions)))


async def many_at_once(client: httpx.AsyncClient, token: str, times: int) -> list[httpx.Response]:
    answers: list[httpx.Response] = []

    async def use() -> None:
        answers.append(await refreshed(client, token))

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(use)
    return answers


def criticals(capfd: pytest.CaptureFixture[str]) -> int:
    return capfd.readouterr().out.count('"event.action":"authn_token_reuse"')


async def test_of_a_thousand_refreshes_at_once_one_next_token_comes_out(
    own_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = make_settings(
        tmp_path_factory.mktemp("service"), DATABASE__URL=own_database_url, **PATIENT
    )
    async with running(settings) as app, client_of(app) as client:
        first = (await sign_up(client, "ann@example.com"))["refresh_token"]
        answers = await many_at_once(client, first, 1000)
        statuses = Counter(answer.status_code for answer in answers)
        # 503: the wait for a connection has an end. Whoever is told so asks again.
        assert set(statuses) <= {200, 503}
        assert statuses[200] > 0
        following = {a.json()["refresh_token"] for a in answers if a.status_code == 200}
        assert len(following) == 1
        assert await counted(app, RefreshToken.used_at.is_(None)) == 1
        assert await counted(app, RefreshToken.used_at.is_not(None)) == 1
        assert await counted(app, Session.revoked_at.is_(None)) == 1
        assert (await refreshed(client, following.pop())).status_code == 200


async def test_of_many_at_once_without_a_leeway_one_gets_through_at_most(
    own_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
) -> None:
    impatient = PATIENT | {"AUTHENTICATION__REFRESH_LEEWAY_SECONDS": "0"}
    settings = make_settings(
        tmp_path_factory.mktemp("service"), DATABASE__URL=own_database_url, **impatient
    )
    async with running(settings) as app, client_of(app) as client:
        first = (await sign_up(client, "ann@example.com"))["refresh_token"]
        statuses = Counter(a.status_code for a in await many_at_once(client, first, 100))
        assert set(statuses) <= {200, 401, 503}
        assert statuses[200] == 1
        assert await counted(app, Session.revoked_at.is_(None)) == 0
    assert criticals(capfd) == 1, "a theft is told once, however often it is tried"


async def test_a_lost_answer_is_asked_for_again(client: httpx.AsyncClient) -> None:
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    second = await next_of(client, first)
    assert await next_of(client, first) == second
    assert await next_of(client, first) == second
    third = await next_of(client, second)
    assert len({first, second, third}) == 3


async def test_a_token_used_after_the_leeway_was_stolen(
    app: FastAPI, client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    tokens = await sign_up(client, "ann@example.com")
    first = tokens["refresh_token"]
    second = await next_of(client, first)
    await moved(app, first, -LEEWAY)
    for token in (first, second, first):
        assert (await refreshed(client, token)).status_code == 401
    assert (await client.get("/api/v1/accounts/me")).status_code == 401
    assert criticals(capfd) == 1


async def test_a_token_is_stolen_too_when_the_next_one_was_used_first(
    app: FastAPI, client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    """Within the leeway: whoever used the next one had not lost the answer."""
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    second = await next_of(client, first)
    third = await next_of(client, second)
    for token in (first, third):
        assert (await refreshed(client, token)).status_code == 401
    assert await counted(app, Session.revoked_at.is_(None)) == 0
    assert criticals(capfd) == 1


async def test_a_thief_within_the_leeway_and_the_owner_can_not_both_go_on(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    """Both have the same token then; whoever comes later than the leeway ends the session."""
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    owners = await next_of(client, first)
    thiefs = await next_of(client_of(app), first)
    assert thiefs == owners
    following = await next_of(client_of(app), thiefs)
    await moved(app, thiefs, -LEEWAY)
    assert (await refreshed(client, owners)).status_code == 401
    assert (await refreshed(client_of(app), following)).status_code == 401


async def test_a_theft_that_the_owner_finds_after_the_token_ran_out_ends_the_session(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    thiefs = await next_of(client, first)
    await moved(app, first, -timedelta(days=15))
    async with app.state.database.engine.begin() as connection:
        row = RefreshToken.digest == digest_of(first)
        ran_out = utc_now() - timedelta(days=1)
        await connection.execute(update(RefreshToken).where(row).values(expires_at=ran_out))
    assert (await refreshed(client, first)).status_code == 401
    assert (await refreshed(client, thiefs)).status_code == 401


@pytest.mark.parametrize("by", [LEEWAY, -LEEWAY], ids=["back", "forward"])
async def test_a_clock_that_was_moved_makes_no_theft_honest(
    app: FastAPI, client: httpx.AsyncClient, by: timedelta
) -> None:
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    await next_of(client, first)
    await moved(app, first, by * 1.01)
    assert (await refreshed(client, first)).status_code == 401
    assert await counted(app, Session.revoked_at.is_(None)) == 0


async def test_a_crash_before_the_commit_leaves_the_token_fresh(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    with monkeypatch.context() as patched:
        patched.setattr(refreshing, "fresh_token", None)  # between the use and the next token
        assert (await refreshed(client, first)).status_code == 500
    assert await counted(app, RefreshToken.used_at.is_not(None)) == 0
    second = await next_of(client, first)
    assert (await refreshed(client, second)).status_code == 200


async def test_a_crash_after_the_commit_is_a_lost_answer(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    with monkeypatch.context() as patched:
        patched.setattr(AccessTokens, "issue", None)
        assert (await refreshed(client, first)).status_code == 500
    assert await counted(app, RefreshToken.used_at.is_not(None)) == 1
    second = await next_of(client, first)
    assert (await refreshed(client, second)).status_code == 200


async def test_a_session_that_ends_while_a_refresh_is_under_way_is_over(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody logs out between the look and the use: what is given out then opens nothing."""
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    use, other = refreshing.use, client_of(app, Authorization=client.headers["Authorization"])

    async def log_out_and_use(*arguments: Any) -> str | None:
        (await other.post("/api/v1/accounts/logout")).raise_for_status()
        return await use(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(refreshing, "use", log_out_and_use)
        tokens = (await refreshed(client, first)).raise_for_status().json()
    assert (await refreshed(client, tokens["refresh_token"])).status_code == 401
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    assert (await client.get("/api/v1/accounts/me")).status_code == 401


async def test_whoever_is_slower_looks_again_at_what_the_faster_one_left(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    use, quick = refreshing.use, []

    async def use_second(*arguments: Any) -> str | None:
        monkeypatch.setattr(refreshing, "use", use)
        quick.append(await next_of(client, first))
        return await use(*arguments)

    monkeypatch.setattr(refreshing, "use", use_second)
    assert [await next_of(client, first)] == quick


async def test_a_key_rotation_in_between_does_not_change_the_next_token(
    tmp_path: Path, own_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_key_signs_from = utc_now().replace(microsecond=0)
    moment = new_key_signs_from.strftime("signs from: %Y-%m-%dT%H:%M:%SZ")
    settings = make_settings(
        tmp_path,
        DATABASE__URL=own_database_url,
        AUTHENTICATION__ALGORITHM="ES256",
        AUTHENTICATION__PRIVATE_KEY=f"{p256_pem()}{moment}\n{p256_pem()}",
    )
    async with running(settings) as app, client_of(app) as client:
        first = (await sign_up(client, "ann@example.com"))["refresh_token"]
        following = []
        for seconds in (-1, 1):
            at = new_key_signs_from + timedelta(seconds=seconds)
            monkeypatch.setattr(refreshing, "utc_now", lambda at=at: at)
            following.append(await next_of(client, first))
        issuer = Issuer(app.state.authentication, app.state.sessions, frozenset())
        before, after = (
            refreshing.successor_of(issuer, first, new_key_signs_from + timedelta(seconds=seconds))
            for seconds in (-1, 1)
        )
        assert following == [before, before] != [after, after]
        assert (await refreshed(client, following[0])).status_code == 200


async def test_a_key_that_was_thrown_away_ends_the_session_of_a_repetition(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be shown to be the lost answer is taken for a theft."""
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    await next_of(client, first)
    monkeypatch.setattr(refreshing, "PURPOSE", "as another key would derive it")
    assert (await refreshed(client, first)).status_code == 401
    assert await counted(app, Session.revoked_at.is_(None)) == 0


async def test_a_refresh_after_logging_out_is_no_theft(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    first = (await sign_up(client, "ann@example.com"))["refresh_token"]
    second = await next_of(client, first)
    await client.post("/api/v1/accounts/logout")
    for token in (first, second):
        assert (await refreshed(client, token)).status_code == 401
    assert criticals(capfd) == 0


async def test_a_session_keeps_its_scope_when_it_is_refreshed(client: httpx.AsyncClient) -> None:
    await sign_up(client, "ann@example.com")
    given = {"email": "ann@example.com", "password": PASSWORD, "scope": "account"}
    tokens = (await client.post("/api/v1/accounts/login", json=given)).raise_for_status().json()
    assert tokens["scope"] == "account"
    for _ in range(2):
        tokens = (await refreshed(client, tokens["refresh_token"])).raise_for_status().json()
        assert tokens["scope"] == "account"
