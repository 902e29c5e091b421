"""What happens to limits when Redis goes, hangs, refuses and comes back."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from app.changes import Changes
from app.checks import UnsafeConfigurationError, refuse_unsafe
from app.layers.rate_limits import (
    Hit,
    Policy,
    RateLimits,
    RateLimitsSettings,
    StoreDownError,
    open_rate_limits,
)
from app.layers.rate_limits.engine import TIMEOUT_SECONDS
from app.layers.rate_limits.redis_store import RedisStore
from tests.in_process import make_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from app.layers.rate_limits.policies import Algorithm
    from app.layers.rate_limits.windows import Count
    from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

POLICY = Policy("test", 100, 900)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is logged."""
    names: list[str] = []

    def note(event: str, **_fields: Any) -> None:
        names.append(str(event))

    monkeypatch.setattr("app.layers.rate_limits.engine.log_event", note)
    return names


def _hit(key: str = "a", policy: Policy = POLICY) -> list[Hit]:
    return [Hit(policy.key(key), policy)]


async def _flood(engine: RateLimits, number: int, key: str = "a") -> int:
    """Return how many of so many requests at once are let through."""
    outcomes = await asyncio.gather(*(engine.hit(_hit(key)) for _ in range(number)))
    return sum(outcome.allowed for (outcome,) in outcomes)


async def _until_restored(engine: RateLimits) -> None:
    deadline = time.monotonic() + 10
    while engine.is_degraded:
        assert time.monotonic() < deadline, "it never came back"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _opened(server: RedisServer, workers: int = 4) -> AsyncIterator[RateLimits]:
    redis = Redis.from_url(server.url, socket_timeout=TIMEOUT_SECONDS)
    store = RedisStore(redis, Changes(redis), TIMEOUT_SECONDS)
    engine = RateLimits(store, workers=workers, retry_after=0.02)
    try:
        yield engine
    finally:
        await engine.aclose()
        await store.aclose()
        await redis.aclose()


@asynccontextmanager
async def _engine(redis: Redis | None, workers: int) -> AsyncIterator[RateLimits]:
    settings, changes = RateLimitsSettings(), Changes(redis)
    async with open_rate_limits(settings, redis=redis, changes=changes, workers=workers) as engine:
        yield engine


async def test_when_redis_dies_this_workers_share_holds_until_it_is_back(
    redis_server: RedisServer, events: list[str]
) -> None:
    async with _opened(redis_server) as engine:
        assert await _flood(engine, 50, "before") == 50
        redis_server.kill()
        assert await _flood(engine, 200, "during") == 25
        assert await _flood(engine, 200, "during") == 0
        assert engine.is_degraded
        redis_server.start()
        await _until_restored(engine)
        assert await _flood(engine, 200, "after") == 100
    assert events == ["rate_limits_degraded", "rate_limits_restored"]


async def test_when_redis_hangs_requests_wait_once_and_the_share_holds(
    redis_server: RedisServer, events: list[str]
) -> None:
    async with _opened(redis_server) as engine:
        await engine.hit(_hit("warm"))
        redis_server.hang()
        try:
            assert await _flood(engine, 200) == 25
            assert engine.is_degraded
            assert await _flood(engine, 200, "others") == 25
        finally:
            redis_server.go_on()
        await _until_restored(engine)
        assert await _flood(engine, 200, "after") == 100
    assert events == ["rate_limits_degraded", "rate_limits_restored"]


async def test_when_redis_refuses_to_write_the_share_holds(
    redis_server: RedisServer, events: list[str]
) -> None:
    async with (
        _opened(redis_server) as engine,
        Redis.from_url(redis_server.url) as administrator,
    ):
        await administrator.config_set("maxmemory", "1")
        assert await _flood(engine, 200) == 25
        await administrator.config_set("maxmemory", "0")
        await _until_restored(engine)
        assert await _flood(engine, 200) == 100
    assert events == ["rate_limits_degraded", "rate_limits_restored"]


async def test_when_redis_becomes_another_ones_replica_the_share_holds_until_it_leads_again(
    redis_server: RedisServer, events: list[str]
) -> None:
    async with (
        _opened(redis_server) as engine,
        Redis.from_url(redis_server.url) as administrator,
    ):
        assert await _flood(engine, 10) == 10
        await administrator.replicaof("127.0.0.1", "1")
        assert await _flood(engine, 200) == 25
        assert engine.is_degraded
        await administrator.replicaof("NO", "ONE")
        await _until_restored(engine)
        assert await _flood(engine, 200) == 90, "it kept what it had counted"
    assert events == ["rate_limits_degraded", "rate_limits_restored"]


async def test_when_redis_is_slow_requests_wait_once_and_the_share_holds(
    redis_server: RedisServer, events: list[str]
) -> None:
    async with (
        _opened(redis_server) as engine,
        Redis.from_url(redis_server.url) as administrator,
    ):
        await engine.hit(_hit("warm"))
        await administrator.client_pause(60_000, all=True)
        assert await _flood(engine, 200) == 25
        assert engine.is_degraded
        redis_server.kill()
        redis_server.start()
        await _until_restored(engine)
        assert await _flood(engine, 200, "after") == 100
    assert events == ["rate_limits_degraded", "rate_limits_restored"]


async def test_when_redis_restarts_at_once_the_limit_holds_and_nothing_fails(
    redis_server: RedisServer,
) -> None:
    async with _opened(redis_server) as engine:
        assert await _flood(engine, 50) == 50
        redis_server.kill()
        redis_server.start()
        # It forgot its counts and its scripts; the connections in the pool are dead.
        passed = await _flood(engine, 200)
        assert passed in {25, 100}
        await _until_restored(engine)


@pytest.mark.parametrize(("algorithm", "share"), [("sliding", 25), ("bucket", 25)])
async def test_every_way_of_counting_has_its_share(
    redis_server: RedisServer, algorithm: Algorithm, share: int
) -> None:
    policy = Policy("test", 100, 900, algorithm)
    async with _opened(redis_server) as engine:
        redis_server.kill()
        outcomes = await asyncio.gather(*(engine.hit(_hit("a", policy)) for _ in range(200)))
        assert sum(outcome.allowed for (outcome,) in outcomes) == share
        assert {outcome.policy for (outcome,) in outcomes} == {policy}
        assert {outcome.quota for (outcome,) in outcomes} == {share}


async def test_what_a_failed_login_gives_back_is_given_back_where_it_was_counted(
    redis_server: RedisServer,
) -> None:
    (hit,) = _hit()
    back = [hit._replace(cost=-1)]
    async with _opened(redis_server) as engine:
        assert (await engine.hit([hit]))[0].hits == 1
        assert (await engine.hit(back))[0].hits == 0
        redis_server.kill()
        assert (await engine.hit([hit]))[0].hits == 1
        assert (await engine.hit(back))[0].hits == 0


async def test_outages_and_what_was_decided_without_redis_are_counted(
    redis_server: RedisServer,
) -> None:
    async with _opened(redis_server) as engine:
        await _flood(engine, 20)
        assert (engine.outages, engine.degraded_requests) == (0, 0)
        redis_server.kill()
        await _flood(engine, 20)
        await _flood(engine, 20)
        assert (engine.outages, engine.degraded_requests) == (1, 40)
        redis_server.start()
        await _until_restored(engine)
        await _flood(engine, 20)
        assert (engine.outages, engine.degraded_requests) == (1, 40)
        redis_server.kill()
        await _flood(engine, 20)
        assert (engine.outages, engine.degraded_requests) == (2, 60)


async def test_a_redis_that_was_never_there_is_like_one_that_died(events: list[str]) -> None:
    redis = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=TIMEOUT_SECONDS)
    async with _engine(redis, workers=2) as engine:
        assert await _flood(engine, 200) == 50
        assert engine.is_degraded
    await redis.aclose()
    assert events == ["rate_limits_degraded"]


class _Broken:
    """A store that fails, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def hit(self, hits: Sequence[Hit]) -> list[Count]:
        del hits
        self.asked += 1
        raise StoreDownError("broken")


async def test_a_broken_store_is_not_asked_again_by_requests() -> None:
    store = _Broken()
    engine = RateLimits(store, workers=1, retry_after=3600)
    for _ in range(10):
        await engine.hit(_hit())
    assert store.asked == 1
    await engine.aclose()


async def test_without_redis_each_worker_lets_its_share_through(events: list[str]) -> None:
    async with _engine(None, workers=4) as engine:
        assert await _flood(engine, 200) == 25
    assert events == ["rate_limits_degraded"]


async def test_one_worker_without_redis_counts_right_and_says_so(events: list[str]) -> None:
    async with _engine(None, workers=1) as engine:
        assert await _flood(engine, 200) == 100
    assert events == ["rate_limits_local"]


async def test_a_limit_of_one_stays_one_for_every_worker() -> None:
    policy = Policy("login", 1, 60)
    engine = RateLimits(None, workers=8)
    allowed = [(await engine.hit(_hit("a", policy)))[0].allowed for _ in range(3)]
    assert allowed == [True, False, False]


async def test_production_without_redis_does_not_start(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, ENVIRONMENT="production")
    with pytest.raises(UnsafeConfigurationError, match=r"rate_limits\.E001"):
        refuse_unsafe(settings)
