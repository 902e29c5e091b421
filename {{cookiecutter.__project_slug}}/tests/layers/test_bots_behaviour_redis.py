"""What workers tell each other through Redis, and what that costs it."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from app.layers.bots.local.behaviour.local_table import Known, Turn
from app.layers.bots.local.behaviour.record import (
    EVIDENCE_BYTES,
    FAST_HALF_LIFE,
    RECORD_BYTES,
    SLOW_HALF_LIFE,
    Evidence,
    Record,
)
from app.layers.bots.local.behaviour.redis_store import KEY_PREFIX, MAX_BATCH, RedisStore
from app.layers.bots.local.behaviour.signals import Signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

KEY = b"k" * 16
NEW, OLD, SECRET = (f"{KEY_PREFIX}{name}" for name in ("clients:new", "clients:old", "key"))


@asynccontextmanager
async def _opened(server: RedisServer, size: int = 1000) -> AsyncIterator[tuple[RedisStore, Redis]]:
    redis = Redis.from_url(server.url, socket_timeout=5)
    try:
        yield RedisStore(redis, "clients", size, timeout=10), redis
    finally:
        await redis.aclose()


def _evidence(honeypots: int = 1) -> Evidence:
    evidence = Evidence()
    evidence.counts[Signal.HONEYPOT] = honeypots
    return evidence


def _turn(name: str = "a", evidence: Evidence | None = None) -> Turn:
    return Turn(name, Known(0.0), evidence.pack() if evidence is not None else b"")


async def _told(store: RedisStore, *turns: Turn) -> list[Record | None]:
    _, records = await store.exchange(turns, KEY, 0.0)
    return records


async def _names(redis: Redis, key: str) -> set[bytes]:
    return {name for name in await redis.hkeys(key) if isinstance(name, bytes)}


def _random_evidence(rng: random.Random) -> Evidence:
    evidence = Evidence()
    evidence.counts = [rng.randrange(4) for _ in evidence.counts]
    for name, bits in (("paths", 128), ("peers", 256), ("identifiers", 256), ("blocks", 256)):
        chosen = {rng.randrange(bits) for _ in range(rng.randrange(9))}
        setattr(evidence, name, sum(1 << bit for bit in chosen))
    return evidence


@pytest.mark.parametrize("seed", range(3))
async def test_redis_comes_to_the_same_as_a_worker_by_itself(
    redis_server: RedisServer, seed: int
) -> None:
    rng, alone = random.Random(seed), Record(0.0)  # noqa: S311 - the same each run
    async with _opened(redis_server) as (store, redis):
        for _ in range(80):
            evidence = _random_evidence(rng)
            alone.merge(evidence, 0.0)
            # Never older than this moment, for Redis too.
            packed = await redis.hget(NEW, "a")
            if isinstance(packed, bytes):
                now, _ = await redis.time()
                await redis.hset(NEW, "a", now.to_bytes(4, "little") + packed[4:])
            (record,) = await _told(store, _turn("a", evidence))
            assert record is not None
            for name in ("paths", "peers", "identifiers", "blocks"):
                assert getattr(record, name) == getattr(alone, name), name
            assert list(record.counts) == pytest.approx(list(alone.counts), abs=0.5)


async def test_counts_fade_in_redis_as_they_do_in_a_worker(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await _told(store, _turn("a", _evidence(1000)))
        packed = await redis.hget(NEW, "a")
        assert isinstance(packed, bytes)
        then = int.from_bytes(packed[:4], "little") - 1200
        await redis.hset(NEW, "a", then.to_bytes(4, "little") + packed[4:])
        (record,) = await _told(store, _turn("a"))
        assert record is not None
        alone = Record(0.0)
        alone.merge(_evidence(1000), 0.0)
        alone.fade(1200.0)
        assert record.fast(Signal.HONEYPOT) == pytest.approx(1000 / 4, rel=0.02)
        assert record.slow(Signal.HONEYPOT) == pytest.approx(1000 * 2 ** (-1 / 18), rel=0.02)
        assert list(record.counts) == pytest.approx(list(alone.counts), rel=0.02)
        assert SLOW_HALF_LIFE / FAST_HALF_LIFE == 36


async def test_a_record_has_its_size_whatever_was_seen(redis_server: RedisServer) -> None:
    assert RECORD_BYTES <= 200
    evidence = Evidence()
    evidence.counts = [2**32 - 1] * len(evidence.counts)
    evidence.paths, evidence.peers = 2**128 - 1, 2**256 - 1
    async with _opened(redis_server) as (store, redis):
        for _ in range(5):
            await _told(store, _turn("a", evidence), _turn("b", _evidence()))
        assert await redis.hstrlen(NEW, "a") == await redis.hstrlen(NEW, "b") == RECORD_BYTES
    assert len(evidence.pack()) == EVIDENCE_BYTES


async def test_who_is_only_asked_for_costs_nothing(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        assert await _told(store, _turn("a"), _turn("b")) == [None, None]
        assert await redis.keys() == [SECRET.encode()]


async def test_all_workers_choose_places_with_one_key(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        first, _ = await store.exchange([], b"one", 0.0)
        second, _ = await store.exchange([], b"other", 0.0)
        assert first == second == b"one"
        assert 0 < await redis.ttl(SECRET) <= 86_400


async def test_there_are_never_more_records_than_may_be(redis_server: RedisServer) -> None:
    async with _opened(redis_server, size=1000) as (store, redis):
        for start in range(0, 5000, 100):
            turns = [_turn(str(number), _evidence()) for number in range(start, start + 100)]
            await _told(store, *turns)
            assert await redis.hlen(NEW) <= 500
            assert await redis.hlen(NEW) + await redis.hlen(OLD) <= 1000
        # The oldest went, and the newest are there.
        assert await _told(store, _turn("0")) == [None]
        assert None not in await _told(store, *(_turn(str(number)) for number in range(4900, 5000)))


async def test_who_comes_again_moves_to_the_newer_records(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await _told(store, _turn("a", _evidence(3)), _turn("b", _evidence()))
        await redis.rename(NEW, OLD)
        (record,) = await _told(store, _turn("a", _evidence(4)))
        assert record is not None
        assert record.fast(Signal.HONEYPOT) == pytest.approx(7, abs=0.1)
        assert await _names(redis, NEW) == {b"a"}
        assert await _names(redis, OLD) == {b"b"}


async def test_records_grow_old_and_end(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await _told(store, _turn("a", _evidence()))
        assert 3_590_000 < await redis.pttl(NEW) <= 3_600_000
        await redis.pexpire(NEW, 1_799_000)  # more than half an hour has passed
        await _told(store, _turn("b", _evidence()))
        assert await _names(redis, OLD) == {b"a"}
        assert await _names(redis, NEW) == {b"b"}
        assert 0 < await redis.pttl(OLD) <= 1_800_000
        for key in await redis.keys():
            assert await redis.pttl(key) > 0


async def test_records_that_lost_their_end_get_one_again(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await _told(store, _turn("a", _evidence()))
        await redis.persist(NEW)
        await _told(store, _turn("b", _evidence()))
        for key in await redis.keys():
            assert await redis.pttl(key) > 0


async def test_all_keys_lie_in_one_slot(redis_server: RedisServer) -> None:
    async with _opened(redis_server, size=300) as (store, redis):
        for start in (0, 100, 200):
            await _told(store, *(_turn(str(start + one), _evidence()) for one in range(100)))
        keys = await redis.keys()
        assert set(keys) == {NEW.encode(), OLD.encode(), SECRET.encode()}
        assert len({key_slot(key) for key in keys if isinstance(key, bytes)}) == 1


async def test_a_whole_batch_is_one_call(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await _told(store)
        await redis.config_resetstat()
        await _told(store, *(_turn(str(number), _evidence()) for number in range(MAX_BATCH)))
        statistics = await redis.info("commandstats")
        assert statistics["cmdstat_evalsha"]["calls"] == 1
        assert "cmdstat_eval" not in statistics


async def test_a_script_that_redis_forgot_is_sent_again(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await _told(store, _turn("a", _evidence()))
        await redis.script_flush()
        (record,) = await _told(store, _turn("a"))
        assert record is not None


async def test_what_is_no_record_is_an_error_and_no_crash(redis_server: RedisServer) -> None:
    async with _opened(redis_server) as (store, redis):
        await redis.hset(NEW, "a", "not a record")
        with pytest.raises(RedisError):
            await _told(store, _turn("a", _evidence()))
        await redis.delete(NEW)
        await redis.set(NEW, "not a hash")
        with pytest.raises(RedisError):
            await _told(store, _turn("a", _evidence()))
