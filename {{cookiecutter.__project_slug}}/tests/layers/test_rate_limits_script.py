"""The script in a real Redis: every way of counting, exact under concurrency, as in memory."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from app.changes import STREAM, Changes
from app.layers.rate_limits import Hit, MemoryStore, RateLimits, redis_script
from app.layers.rate_limits.policies import parse_policies
from app.layers.rate_limits.redis_store import KEY_PREFIX, RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.layers.rate_limits import Policy
    from tests.layers.conftest import Clock
    from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

CLOCK_KEY = f"{KEY_PREFIX}clock"
FIXED, SLIDING, BUCKET = "100/15minutes", "100/15minutes sliding", "100/15minutes burst 100"
KINDS = pytest.mark.parametrize("limit", [FIXED, SLIDING, BUCKET])


def _policy(limit: str) -> Policy:
    (policy,) = parse_policies("test", limit)
    return policy


def _hit(policy: Policy, cost: int = 1, key: str = "me") -> Hit:
    return Hit(policy.key(key), policy, cost)


@asynccontextmanager
async def _opened(server: RedisServer) -> AsyncIterator[tuple[RedisStore, Redis]]:
    redis = Redis.from_url(server.url, socket_timeout=10)
    store = RedisStore(redis, Changes(redis), timeout=10)
    try:
        yield store, redis
    finally:
        await store.aclose()
        await redis.aclose()


async def _counted(redis: Redis) -> list[bytes]:
    ours = {STREAM.encode(), CLOCK_KEY.encode()}
    return [key for key in await redis.keys() if isinstance(key, bytes) and key not in ours]


@pytest.fixture
def redis_clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the script take its time from a key; `_at` sets it."""
    script = redis_script.SCRIPT.replace(
        "redis.call('TIME')", f"{{redis.call('GET', '{CLOCK_KEY}'), 0}}"
    )
    assert script != redis_script.SCRIPT
    monkeypatch.setattr("app.layers.rate_limits.redis_store.SCRIPT", script)
    monkeypatch.setattr("app.layers.rate_limits.redis_store.SCRIPT_SHA", "0" * 40)
    clock.now = 1_790_000_000.0
    return clock


async def _at(redis: Redis, clock: Clock) -> None:
    await redis.set(CLOCK_KEY, f"{clock.now:.6f}")


@KINDS
async def test_of_a_thousand_at_once_through_four_workers_exactly_a_hundred_pass(
    redis_server: RedisServer, limit: str
) -> None:
    policy = _policy(limit)
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(_opened(redis_server)) for _ in range(4)]
        workers = [RateLimits(store, workers=4) for store, _ in opened]
        outcomes = await asyncio.gather(*(workers[n % 4].hit([_hit(policy)]) for n in range(1000)))
        (key,) = await _counted(opened[0][1])
        assert 0 < await opened[0][1].pttl(key) <= 2 * 900_000
    assert sum(outcome.allowed for (outcome,) in outcomes) == 100
    assert sum(outcome.is_first_excess for (outcome,) in outcomes) == 1
    assert {outcome.hits for (outcome,) in outcomes if outcome.allowed} == set(range(1, 101))


@pytest.mark.parametrize(
    "limit",
    ["10/minute sliding", "10/minute burst 10", "10/minute burst 50", "7/minute burst 3"],
)
@pytest.mark.parametrize("seed", range(3))
async def test_it_counts_as_the_memory_of_a_process_does(
    redis_server: RedisServer, redis_clock: Clock, limit: str, seed: int
) -> None:
    policy, choose = _policy(limit), random.Random(seed)  # noqa: S311 - the same each run
    memory = MemoryStore(clock=redis_clock)
    async with _opened(redis_server) as (store, redis):
        for _ in range(200):
            redis_clock.now += choose.choice([0, 0, 0, 0.25, 1, 5.999, 6.001, 30, 61])
            await _at(redis, redis_clock)
            hit = _hit(policy, choose.choice([1, 1, 1, 1, 2, -1]))
            ((hits, left),) = await store.hit([hit])
            ((expected, expected_left),) = memory.count([hit])
            assert hits == expected
            if hit.cost > 0:
                assert left == pytest.approx(expected_left, abs=0.001)


@KINDS
async def test_every_key_has_an_end_even_one_that_was_only_refused(
    redis_server: RedisServer, limit: str
) -> None:
    policy = _policy(limit)
    async with _opened(redis_server) as (store, redis):
        for cost in (101, 1, -1, 101, 0):
            await store.hit([_hit(policy, cost)])
        for key in await _counted(redis):
            assert await redis.pttl(key) not in {-1, None}
            assert await redis.pttl(key) <= 2 * 900_000


@pytest.mark.parametrize("limit", [SLIDING, BUCKET])
async def test_a_key_that_lost_its_end_gets_one_again(
    redis_server: RedisServer, limit: str
) -> None:
    hit = _hit(_policy(limit))
    async with _opened(redis_server) as (store, redis):
        await store.hit([hit])
        assert await redis.persist(KEY_PREFIX + hit.key)
        await store.hit([hit])
        assert await redis.pttl(KEY_PREFIX + hit.key) > 0


@pytest.mark.parametrize("limit", [SLIDING, BUCKET])
async def test_what_is_given_back_too_late_makes_no_key(
    redis_server: RedisServer, limit: str
) -> None:
    async with _opened(redis_server) as (store, redis):
        assert await store.hit([_hit(_policy(limit), -1)]) == [(0, 0)]
        assert await _counted(redis) == []


@pytest.mark.parametrize("limit", [SLIDING, BUCKET])
async def test_a_clock_that_is_set_back_closes_nobody_out_for_longer_than_a_window(
    redis_server: RedisServer, redis_clock: Clock, limit: str
) -> None:
    policy = _policy(limit)
    async with _opened(redis_server) as (store, redis):
        await _at(redis, redis_clock)
        await store.hit([_hit(policy, 100)])
        redis_clock.now -= 86_400
        await _at(redis, redis_clock)
        ((_, left),) = await store.hit([_hit(policy)])
        assert left <= 900
        redis_clock.now += 900
        await _at(redis, redis_clock)
        ((hits, _),) = await store.hit([_hit(policy)])
        assert hits <= 100


async def test_hits_of_all_kinds_go_together_in_one_slot(redis_server: RedisServer) -> None:
    hits = [_hit(_policy(limit), cost) for cost in (1, 2) for limit in (FIXED, SLIDING, BUCKET)]
    async with _opened(redis_server) as (store, redis):
        counts = await store.hit(hits)
        assert [count.hits for count in counts] == [1, 1, 1, 3, 3, 3]
        calls = await redis.info("commandstats")
        assert calls["cmdstat_eval"]["calls"] == 1
        keys = [*await _counted(redis), STREAM.encode()]
        assert len({key_slot(key) for key in keys}) == 1
        assert len(keys) == 4


@pytest.mark.parametrize("limit", [SLIDING, BUCKET])
async def test_a_value_that_is_not_ours_is_a_count_that_begins_anew(
    redis_server: RedisServer, limit: str
) -> None:
    hit = _hit(_policy(limit))
    async with _opened(redis_server) as (store, redis):
        await redis.set(KEY_PREFIX + hit.key, "something else")
        assert (await store.hit([hit]))[0].hits == 1
        assert await redis.pttl(KEY_PREFIX + hit.key) > 0
