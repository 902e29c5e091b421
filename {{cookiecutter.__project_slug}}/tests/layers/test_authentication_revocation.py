"""Two workers of one service, over one database and one Redis: what one ends has ended on both.

Each test first lets the other worker remember the session, and sees that it does.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from app.accounts import operators
from app.changes import open_changes
from app.redis import open_redis
from tests.in_process import PASSWORD, client_of, make_settings, running, sign_up
from tests.layers.workers import PATIENT, patience

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import httpx
    from fastapi import FastAPI
    from sqlalchemy.ext.asyncio import AsyncSession

    from tests.redis_server import RedisServer

    Command = Callable[[AsyncSession], Awaitable[uuid.UUID | None]]

pytestmark = pytest.mark.anyio

ACCOUNTS = "/api/v1/accounts"
ME = f"{ACCOUNTS}/me"
USERS = "/api/v1/admin/users"
EMAIL = "ann@example.com"


@dataclass
class Service:
    """Two workers, a client of each with the same token, and what they ask the database."""

    apps: tuple[FastAPI, FastAPI]
    one: httpx.AsyncClient
    other: httpx.AsyncClient
    asked: list[str]

    async def statuses(self, number: int = 1, path: str = ME) -> Counter[int]:
        """Return the answers to so many requests at once on each worker."""
        sent = (client.get(path) for client in (self.one, self.other) for _ in range(number))
        return Counter(answer.status_code for answer in await asyncio.gather(*sent))

    async def remember(self) -> None:
        """Let both workers remember the session, and see that they do.

        Where the machine is busy, a worker may take Redis for hanging, and needs another attempt.
        """
        async with asyncio.timeout(PATIENT):
            while True:
                await self.statuses()
                self.asked.clear()
                assert await self.statuses() == {200: 2}
                if not self.asked:
                    return

    async def command(self, work: Command) -> None:
        """Change something as an operator's command does: in a process of its own."""
        settings = self.apps[0].state.settings
        async with self.apps[0].state.database.sessions() as database:
            changed = await work(database)
        assert changed is not None
        async with open_redis(settings.redis) as redis, open_changes(redis) as changes:
            assert await changes.publish(changed)


@asynccontextmanager
async def service(
    folder: Path, redis_url: str | None, seconds: float = PATIENT, **environ: str
) -> AsyncIterator[Service]:
    """Give a service with one account, logged in.

    Args:
        folder: where its database is.
        redis_url: None for none.
        seconds: how long requests wait for Redis.
        environ: more settings.
    """
    settings = make_settings(
        folder,
        **({"REDIS__URL": redis_url} if redis_url else {}),
        RATE_LIMITS__PER_CLIENT="100000/minute",
        **environ,
    )
    asked: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        if "FROM sessions JOIN users" in statement:
            asked.append(statement)

    async with AsyncExitStack() as stack:
        with patience(seconds):
            apps = [await stack.enter_async_context(running(settings)) for _ in range(2)]
        clients = [await stack.enter_async_context(client_of(app)) for app in apps]
        for app in apps:
            app.state.rate_limits._retry_after = 0.02  # noqa: SLF001 - tests have no second
            engine = app.state.database.engine.sync_engine
            event.listen(engine, "before_cursor_execute", note)
        await sign_up(clients[0], EMAIL)
        clients[1].headers["Authorization"] = clients[0].headers["Authorization"]
        yield Service((apps[0], apps[1]), clients[0], clients[1], asked)


async def _log_out(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(f"{ACCOUNTS}/logout")


async def _log_out_everywhere(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(f"{ACCOUNTS}/logout-everywhere")


async def _change_password(client: httpx.AsyncClient) -> httpx.Response:
    change = {"current_password": PASSWORD, "new_password": f"{PASSWORD}-2"}
    return await client.post(f"{ACCOUNTS}/change-password", json=change)


@pytest.mark.parametrize(
    "end", [_log_out, _log_out_everywhere, _change_password], ids=lambda end: end.__name__
)
async def test_what_ends_a_session_on_one_worker_ends_it_on_all(
    tmp_path: Path,
    redis_server: RedisServer,
    own_database_url: str,
    end: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]],
) -> None:
    async with service(
        tmp_path, redis_server.url, DATABASE__URL=own_database_url
    ) as running_service:
        await running_service.remember()
        assert (await end(running_service.one)).status_code in {200, 204}
        assert await running_service.statuses(50) == {401: 100}


async def test_another_session_of_the_same_user_goes_on_and_stays_remembered(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    async with service(tmp_path, redis_server.url) as running_service:
        await running_service.remember()
        given = {"email": EMAIL, "password": PASSWORD}
        tokens = (await running_service.one.post(f"{ACCOUNTS}/login", json=given)).json()
        second = {"Authorization": f"Bearer {tokens['access_token']}"}
        await running_service.one.post(f"{ACCOUNTS}/logout", headers=second)
        assert await running_service.statuses(5) == {200: 10}
        assert running_service.asked == [running_service.asked[0]], "for the second session, once"


@pytest.mark.parametrize("command", [operators.disable, operators.log_out])
async def test_what_an_operator_ends_has_ended_on_all_workers(
    tmp_path: Path, redis_server: RedisServer, command: Callable[..., Any]
) -> None:
    async with service(tmp_path, redis_server.url) as running_service:
        await running_service.remember()
        await running_service.command(partial(command, who=EMAIL))
        assert await running_service.statuses(5) == {401: 10}


async def test_a_role_is_given_and_taken_at_once_on_all_workers(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    async with service(tmp_path, redis_server.url) as running_service:
        await running_service.remember()
        assert await running_service.statuses(path=USERS) == {403: 2}
        for role, status in (("admin", 200), ("user", 403)) * 2:
            await running_service.command(partial(operators.set_role, who=EMAIL, role=role))
            assert await running_service.statuses(5, USERS) == {status: 10}


async def test_no_request_that_begins_after_a_logout_was_answered_gets_in(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """Requests stream through both workers while the session ends: none is on the wrong side."""
    async with service(tmp_path, redis_server.url) as running_service:
        given = {"email": EMAIL, "password": PASSWORD}
        for _ in range(3):
            tokens = (await running_service.one.post(f"{ACCOUNTS}/login", json=given)).json()
            for client in (running_service.one, running_service.other):
                client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
            await running_service.remember()
            answered: list[float] = []
            seen: list[tuple[float, int]] = []

            async def ask(client: httpx.AsyncClient) -> None:
                for _ in range(15):
                    began = time.monotonic()
                    seen.append((began, (await client.get(ME)).status_code))  # noqa: B023 - awaited

            async def end() -> None:
                await asyncio.sleep(0.01)
                await _log_out(running_service.one)
                answered.append(time.monotonic())  # noqa: B023 - awaited below

            clients = (running_service.one, running_service.other) * 4
            await asyncio.gather(end(), *map(ask, clients))
            assert {status for began, status in seen if began >= answered[0]} <= {401}
            assert 200 in {status for _, status in seen}


@pytest.mark.parametrize("trouble", ["dead", "hanging"])
async def test_without_redis_the_database_is_asked_and_what_ended_has_ended(
    tmp_path: Path, redis_server: RedisServer, trouble: str
) -> None:
    seconds = PATIENT if trouble == "dead" else 0.5
    async with service(tmp_path, redis_server.url, seconds) as running_service:
        await running_service.remember()
        redis_server.kill() if trouble == "dead" else redis_server.hang()
        try:
            assert await running_service.statuses(5) == {200: 10}
            assert running_service.asked != []
            assert (await _log_out(running_service.one)).status_code == 204
            assert await running_service.statuses(5) == {401: 10}
        finally:
            redis_server.start() if trouble == "dead" else redis_server.go_on()


async def test_what_was_remembered_before_redis_died_is_not_when_it_is_back(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """The other worker noticed nothing; its first trip to the new Redis tells."""
    async with service(tmp_path, redis_server.url) as running_service:
        await running_service.remember()
        redis_server.kill()
        assert (await _log_out(running_service.one)).status_code == 204
        redis_server.start()
        assert (await running_service.other.get(ME)).status_code == 401
        await _until_restored(running_service)
        assert await running_service.statuses(5) == {401: 10}


async def test_memory_works_again_when_redis_does(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    async with service(tmp_path, redis_server.url) as running_service:
        await running_service.remember()
        redis_server.kill()
        await running_service.statuses()
        redis_server.start()
        await _until_restored(running_service)
        await running_service.remember()


async def _until_restored(running_service: Service) -> None:
    async with asyncio.timeout(PATIENT):
        for app in running_service.apps:
            while app.state.rate_limits.is_degraded:  # noqa: ASYNC110 - it is another task's
                await asyncio.sleep(0.01)


async def test_an_emptied_redis_lets_nobody_in_who_was_logged_out(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    async with service(tmp_path, redis_server.url) as running_service:
        await running_service.remember()
        assert (await _log_out(running_service.one)).status_code == 204
        await running_service.apps[0].state.redis.flushall()
        assert await running_service.statuses(5) == {401: 10}


@pytest.mark.parametrize("how", ["no memory", "no Redis"])
async def test_each_request_asks_the_database_when_nothing_may_be_remembered(
    tmp_path: Path, redis_server: RedisServer, how: str
) -> None:
    url = redis_server.url if how == "no memory" else None
    memory = "0" if how == "no memory" else "10"
    async with service(
        tmp_path, url, AUTHENTICATION__SESSION_MEMORY_SECONDS=memory
    ) as running_service:
        for number in range(1, 4):
            assert await running_service.statuses() == {200: 2}
            assert len(running_service.asked) == 2 * number


async def test_a_worker_that_was_not_told_forgets_after_the_seconds_that_are_set(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """Somebody changes the database by hand. This is all that the seconds are for."""
    async with service(tmp_path, redis_server.url) as running_service:
        clock = time.monotonic
        sessions = running_service.apps[1].state.sessions
        await running_service.remember()
        async with running_service.apps[0].state.database.sessions() as database:
            assert await operators.disable(database, EMAIL)
        assert (await running_service.other.get(ME)).status_code == 200
        sessions._clock = lambda: clock() + 10  # noqa: SLF001 - ten seconds later
        assert (await running_service.other.get(ME)).status_code == 401
