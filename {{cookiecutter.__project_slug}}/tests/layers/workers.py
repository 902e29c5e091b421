"""Workers of one service, as far as they meet in Redis: each has its own trips and changes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import patch

from pydantic import SecretStr

from app.changes import Changes
from app.layers.rate_limits import Hit, Policy, StoreDownError
from app.layers.rate_limits.redis_store import RedisStore
from app.redis import RedisSettings, open_redis

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Iterator, Sequence

    from redis.asyncio import Redis

    from app.layers.rate_limits.windows import Count
    from tests.redis_server import RedisServer

POLICY = Policy("test", 100, 900)
HIT = Hit(POLICY.key("a"), POLICY)
PATIENT = 10.0
"""Seconds: a busy machine is no failure here."""


@contextmanager
def patience(seconds: float = PATIENT) -> Iterator[None]:
    """Wait this long for Redis, instead of the quarter of a second that a request waits."""
    with (
        patch("app.redis.TIMEOUT_SECONDS", seconds),
        patch("app.changes.TIMEOUT_SECONDS", seconds),
        patch("app.layers.rate_limits.engine.TIMEOUT_SECONDS", seconds),
    ):
        yield


@dataclass
class Worker:
    """One worker; `heard` fills with what its listeners are told."""

    redis: Redis
    changes: Changes
    store: RedisStore
    heard: list[Sequence[uuid.UUID] | None] = field(default_factory=list)

    async def trip(self) -> Count:
        """Make the trip to Redis that a request makes."""
        (count,) = await self.store.hit([HIT])
        return count

    async def settle(self) -> None:
        """Make trips until one succeeds: the first may find that its connection is gone."""
        async with asyncio.timeout(PATIENT):
            while True:
                with suppress(StoreDownError):
                    await self.trip()
                    return


@asynccontextmanager
async def worker(server: RedisServer) -> AsyncIterator[Worker]:
    """Give a worker that has made no trip yet."""
    settings = RedisSettings(url=SecretStr(server.url))
    known: list[Changes] = []

    def forget() -> None:
        known[0].forget()

    async with AsyncExitStack() as stack:
        with patience():
            redis = await stack.enter_async_context(open_redis(settings, forget))
        assert redis is not None
        known.append(Changes(redis))
        store = RedisStore(redis, known[0], PATIENT)
        found = Worker(redis, known[0], store)
        known[0].listen(found.heard.append)
        try:
            yield found
        finally:
            await store.aclose()


@asynccontextmanager
async def standing_worker(server: RedisServer) -> AsyncIterator[Worker]:
    """Give a worker that has read what there was."""
    async with worker(server) as one:
        await one.trip()
        one.heard.clear()
        yield one
