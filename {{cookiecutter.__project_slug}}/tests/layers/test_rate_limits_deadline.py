"""No answer of Redis, nor its absence, holds the event loop or lifts a limit."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from app.changes import Changes
from app.layers.rate_limits import Hit, Policy, RateLimits
from app.layers.rate_limits.redis_store import RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

POLICY = Policy("test", 8, 900)
HIT = Hit(POLICY.key("a"), POLICY)
WORKERS = 4
SHARE = 2
PATIENCE = 10
"""Seconds until a test gives up, far above any deadline here."""


@asynccontextmanager
async def answering(answer: bytes, pause: float) -> AsyncIterator[Redis]:
    """Give a Redis that answers each command with this, byte by byte, a pause before each."""

    served: list[asyncio.Task[Any] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        with suppress(ConnectionError):
            while await reader.read(65_536):
                for place in range(len(answer)) if pause else ():
                    await asyncio.sleep(pause)
                    writer.write(answer[place : place + 1])
                    await writer.drain()
                if not pause:
                    writer.write(answer)
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis = Redis(port=port, socket_timeout=5, driver_info=None, protocol=2)
    try:
        yield redis
    finally:
        await redis.aclose()
        server.close()
        await asyncio.gather(*filter(None, served))


@asynccontextmanager
async def counting(redis: Redis, timeout_seconds: float) -> AsyncIterator[RateLimits]:
    """Give an engine that counts there, and never tries again."""
    store = RedisStore(redis, Changes(redis), timeout_seconds)
    engine = RateLimits(store, workers=WORKERS, retry_after=3600)
    try:
        yield engine
    finally:
        await engine.aclose()
        await store.aclose()


async def _passed(engine: RateLimits, number: int) -> int:
    async with asyncio.timeout(PATIENCE):
        outcomes = await asyncio.gather(*(engine.hit([HIT]) for _ in range(number)))
    return sum(outcome.allowed for (outcome,) in outcomes)


@pytest.mark.parametrize(
    ("answer", "pause"),
    [(b"", 0), (b"*2\r\n*2\r\n:1\r\n:1\r\n*0\r\n" * 3, 0.02)],
    ids=["nothing", "a drip"],
)
async def test_an_answer_that_does_not_come_in_time_is_not_waited_for(
    answer: bytes, pause: float
) -> None:
    async with answering(answer, pause) as redis, counting(redis, 0.1) as engine:
        assert await _passed(engine, 20) == SHARE
        assert engine.is_degraded
        assert await _passed(engine, 20) == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"-ERR no\r\n",
        b"-READONLY You can't write against a read only replica.\r\n",
        b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
        b"-CLUSTERDOWN The cluster is down\r\n",
        b"-MOVED 3999 127.0.0.1:1\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"-BUSY Redis is busy running a script.\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n*1\r\n:1\r\n*0\r\n",
        b"*2\r\n:1\r\n:1\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
    ids=lambda answer: answer.decode("ascii").split("\r\n")[0].split(" ")[0] + str(len(answer)),
)
async def test_an_answer_that_is_none_costs_no_limit_and_no_error(answer: bytes) -> None:
    async with answering(answer, 0) as redis, counting(redis, 0.5) as engine:
        assert await _passed(engine, 20) == SHARE
        assert engine.is_degraded


async def test_the_event_loop_goes_on_while_redis_is_waited_for() -> None:
    async with answering(b"", 0) as redis, counting(redis, PATIENCE) as engine:
        waiting = asyncio.create_task(engine.hit([HIT]))
        done: list[Any] = []
        for number in range(100):
            await asyncio.sleep(0)
            done.append(number)
        assert not waiting.done()
        waiting.cancel()
    assert len(done) == 100
