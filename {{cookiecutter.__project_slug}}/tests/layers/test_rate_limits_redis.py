"""Counting in a real Redis."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from app.changes import STREAM, Changes
from app.layers.rate_limits import Hit, Policy, RateLimits, StoreDownError
from app.layers.rate_limits.redis_store import KEY_PREFIX, MAX_BATCH, RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

POLICY = Policy("test", 100, 900)


def _hit(key: str = "a", cost: int = 1) -> Hit:
    return Hit(POLICY.key(key), POLICY, cost)


@asynccontextmanager
async def _opened(server: RedisServer) -> AsyncIterator[tuple[RedisStore, Redis]]:
    redis = Redis.from_url(server.url, socket_timeout=5)
    # Long, because a busy machine is no failure here; what is slow has its own tests.
    store = RedisStore(redis, Changes(redis), timeout=10)
    try:
        yield store, redis
    finally:
        await store.aclose()
        await redis.aclose()


async def _script_calls(redis: Redis) -> int:
    statistics = await redis.info("commandstats")
    return sum(
        statistics[name]["calls"]
        for name in ("cmdstat_evalsha", "cmdstat_eval")
        if name in statistics
    )


async def _keys(redis: Redis) -> list[bytes]:
    return [key for key in await redis.keys() if isinstance(key, bytes)]


async def _counted(redis: Redis) -> list[bytes]:
    return [key for key in await _keys(redis) if key != STREAM.encode()]


async def test_of_a_thousand_at_once_through_two_workers_exactly_a_hundred_pass(
    redis_server: RedisServer,
) -> None:
    async with _opened(redis_server) as (one, redis), _opened(redis_server) as (other, _):
        workers = [RateLimits(one, workers=2), RateLimits(other, workers=2)]
        outcomes = await asyncio.gather(*(workers[n % 2].hit([_hit()]) for n in range(1000)))
        assert sum(outcome.allowed for (outcome,) in outcomes) == 100
        assert sum(outcome.is_first_excess for (outcome,) in outcomes) == 1
        assert sorted(outcome.hits for (outcome,) in outcomes) == list(range(1, 1001))
        assert await _counted(redis) == [(KEY_PREFIX + _hit().key).encode()]


async def test_every_key_has_an_end(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await asyncio.gather(*(store.hit([_hit(str(number))]) for number in range(50)))
        keys = await _counted(redis)
        assert len(keys) == 50
        for key in keys:
            assert 0 < await redis.pttl(key) <= 900_000


async def test_the_first_hit_starts_the_window_and_later_ones_do_not_stretch_it(
    redis_server: RedisServer,
) -> None:
    async with _opened(redis_server) as (store, redis):
        await store.hit([_hit()])
        await redis.pexpire(KEY_PREFIX + _hit().key, 5000)
        ((hits, seconds_left),) = await store.hit([_hit()])
        assert hits == 2
        assert 0 < seconds_left <= 5


async def test_a_key_that_lost_its_end_gets_one_again(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await redis.set(KEY_PREFIX + _hit().key, 5000)
        ((hits, seconds_left),) = await store.hit([_hit()])
        assert (hits, seconds_left) == (5001, 900)
        assert await redis.pttl(KEY_PREFIX + _hit().key) > 0


async def test_all_keys_of_a_call_lie_in_one_slot(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await store.hit([_hit("192.0.2.1"), _hit("2001:db8::/64"), _hit("}{x}")])
        slots = {key_slot(key) for key in await _keys(redis)}
        assert len(slots) == 1


async def test_hits_of_one_turn_go_together(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await store.hit([_hit()])
        before = await _script_calls(redis)
        await asyncio.gather(*(store.hit([_hit(str(number % 7))]) for number in range(200)))
        assert await _script_calls(redis) - before == 1


async def test_a_large_batch_is_cut_so_that_redis_serves_others_in_between(
    redis_server: RedisServer,
) -> None:
    async with _opened(redis_server) as (store, redis):
        await store.hit([_hit()])
        before = await _script_calls(redis)
        counts = await asyncio.gather(*(store.hit([_hit("b")]) for _ in range(3 * MAX_BATCH)))
        assert await _script_calls(redis) - before == 3
        assert Counter(count.hits for (count,) in counts) == Counter(range(1, 3 * MAX_BATCH + 1))


async def test_each_caller_gets_its_own_counts(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, _):
        first, second = await asyncio.gather(
            store.hit([_hit("a"), _hit("b", cost=3)]), store.hit([_hit("b"), _hit("a")])
        )
        assert [count.hits for count in first] == [1, 3]
        assert [count.hits for count in second] == [4, 2]


async def test_a_script_that_redis_forgot_is_sent_again(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await store.hit([_hit()])
        await redis.script_flush()
        assert (await store.hit([_hit()]))[0].hits == 2


async def test_what_is_given_back_is_taken_off(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, _):
        await store.hit([_hit(), _hit()])
        assert (await store.hit([_hit(cost=-1)]))[0].hits == 1


async def test_what_is_given_back_too_late_makes_no_key(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        assert (await store.hit([_hit(cost=-1)]))[0].hits == 0
        assert await _counted(redis) == []


async def test_a_request_that_is_given_up_takes_no_other_along(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, _):
        given_up = asyncio.ensure_future(store.hit([_hit()]))
        others = [asyncio.ensure_future(store.hit([_hit()])) for _ in range(10)]
        await asyncio.sleep(0)
        given_up.cancel()
        counts = await asyncio.gather(*others)
        assert sorted(count.hits for (count,) in counts) == list(range(2, 12))


async def test_an_error_for_an_answer_means_that_the_store_is_down(
    redis_server: RedisServer,
) -> None:
    async with _opened(redis_server) as (store, redis):
        await redis.lpush(KEY_PREFIX + _hit().key, "not a number")
        with pytest.raises(StoreDownError, match="ResponseError"):
            await store.hit([_hit()])
        assert (await store.hit([_hit("other")]))[0].hits == 1


async def test_whoever_waits_when_it_closes_hears_that_it_is_down(
    redis_server: RedisServer,
) -> None:
    redis_server.hang()
    async with _opened(redis_server) as (store, _):
        waiting = asyncio.ensure_future(store.hit([_hit()]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await store.aclose()
        with pytest.raises(StoreDownError):
            await waiting


async def test_a_key_of_any_text_is_a_key_and_fails_nobody_elses_hit(
    redis_server: RedisServer,
) -> None:
    async with _opened(redis_server) as (store, _):
        for expected in (1, 2):
            texts = ("\ud800", "\x00 \r\n", "a" * 10_000, "b")
            found = await asyncio.gather(*(store.hit([_hit(text)]) for text in texts))
            assert [count.hits for (count,) in found] == [expected] * len(texts)
