"""Who changed is heard by every worker that makes a trip to Redis, whatever Redis goes through.

`app/changes.py` serves whoever remembers something; what a session's memory is worth hangs on it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import RedisError

from app import changes as module
from app.changes import MAX_IDS, PAGE, STREAM, Changes
from app.layers.rate_limits import StoreDownError
from tests.layers.small_app import logged_by
from tests.layers.workers import PATIENT, standing_worker, worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no Redis that hangs."""
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", PATIENT)


ANN, BOB = uuid.UUID(int=1), uuid.UUID(int=2)


async def _publish_many(redis: Redis, number: int) -> None:
    pipeline = redis.pipeline(transaction=False)
    for _ in range(number):
        pipeline.xadd(STREAM, {"ids": uuid.uuid4().hex})
    await pipeline.execute()


async def test_what_one_worker_publishes_another_hears_on_its_next_trip(
    redis_server: RedisServer,
) -> None:
    async with standing_worker(redis_server) as one, standing_worker(redis_server) as other:
        assert await one.changes.publish(ANN, BOB) is True
        assert other.heard == []
        await other.trip()
        assert other.heard == [[ANN, BOB]]
        await other.trip()
        assert other.heard == [[ANN, BOB]], "each change is told once"


async def test_the_worker_that_publishes_hears_it_first_and_without_redis() -> None:
    heard: list[Sequence[uuid.UUID] | None] = []
    changes = Changes(None)
    changes.listen(heard.append)
    assert await changes.publish(ANN) is True
    assert heard == [(ANN,)]
    assert not changes.is_read


async def test_a_trip_without_news_tells_nobody_anything(redis_server: RedisServer) -> None:
    async with standing_worker(redis_server) as one:
        for _ in range(3):
            await one.trip()
        assert one.heard == []


async def test_the_first_trip_of_a_worker_is_told_as_everything(redis_server: RedisServer) -> None:
    async with standing_worker(redis_server) as one, worker(redis_server) as late:
        await one.changes.publish(ANN)
        assert not late.changes.is_read
        await late.trip()
        assert set(late.heard) == {None}
        assert late.changes.is_read


async def test_only_a_trip_that_left_after_a_moment_has_read_what_was_before_it(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing_worker(redis_server) as one:
        before = time.monotonic()
        assert not one.changes.is_read_since(before)
        left: list[float] = []
        errand = one.changes.errand

        def leaving() -> module.Errand:
            found = errand()
            left.append(time.monotonic())
            return found

        monkeypatch.setattr(one.changes, "errand", leaving)
        await one.trip()
        assert one.changes.is_read_since(before)
        assert not one.changes.is_read_since(left[0]), "what came then may be unread"


async def test_as_much_as_a_page_holds_is_told_one_by_one(redis_server: RedisServer) -> None:
    async with standing_worker(redis_server) as one:
        await _publish_many(one.redis, PAGE - 1)
        await one.trip()
        (ids,) = one.heard
        assert ids is not None
        assert len(set(ids)) == PAGE - 1


async def test_more_than_a_page_is_told_as_everything_and_read_to_its_end(
    redis_server: RedisServer,
) -> None:
    async with standing_worker(redis_server) as one:
        await _publish_many(one.redis, 3 * PAGE)
        await one.trip()
        assert one.heard == [None]
        await one.changes.publish(ANN)
        await one.trip()
        assert one.heard[1:] == [(ANN,), [ANN]], "it stands at the end, not in the middle"


async def test_whoever_stands_where_the_stream_was_cut_forgets_everything(
    redis_server: RedisServer,
) -> None:
    async with standing_worker(redis_server) as one:
        await _publish_many(one.redis, 3)
        await one.redis.xtrim(STREAM, maxlen=1, approximate=False)
        await one.trip()
        assert one.heard == [None]


async def test_a_stream_of_another_life_is_told_as_everything(redis_server: RedisServer) -> None:
    async with standing_worker(redis_server) as one, standing_worker(redis_server) as other:
        await one.redis.flushall()
        await one.changes.publish(ANN)
        await other.trip()
        assert other.heard == [None]
        await one.changes.publish(BOB)
        await other.trip()
        assert other.heard == [None, [BOB]]


async def test_the_same_place_in_another_stream_is_not_where_we_stood(
    redis_server: RedisServer,
) -> None:
    """A clock that was set back may give an entry of another life the same name."""
    async with standing_worker(redis_server) as one:
        await one.changes.publish(ANN)
        await one.trip()
        one.heard.clear()
        newest: Any = await one.redis.xrevrange(STREAM, count=1)
        ((name, _),) = newest
        await one.redis.delete(STREAM)
        await one.redis.xadd(STREAM, {"ids": BOB.hex}, id=name)
        await one.trip()
        assert one.heard == [None]


async def test_a_redis_that_was_restarted_is_told_as_everything(redis_server: RedisServer) -> None:
    async with standing_worker(redis_server) as one:
        redis_server.kill()
        redis_server.start()
        await one.settle()
        assert set(one.heard) == {None}
        assert one.changes.is_read


async def test_a_connection_made_anew_is_told_as_everything(redis_server: RedisServer) -> None:
    """It may lead to a Redis that took over, and knows less than the one before had promised."""
    async with standing_worker(redis_server) as one:
        await one.redis.connection_pool.disconnect()
        await one.trip()
        assert set(one.heard) == {None}
        assert one.changes.is_read


async def test_a_redis_that_forgot_the_script_is_told_as_everything(
    redis_server: RedisServer,
) -> None:
    async with standing_worker(redis_server) as one:
        await one.redis.script_flush()
        assert (await one.trip()).hits == 2
        assert one.heard == [None]
        assert one.changes.is_read


async def test_a_trip_that_fails_is_told_as_everything_and_nothing_counts_as_read(
    redis_server: RedisServer,
) -> None:
    async with standing_worker(redis_server) as one:
        redis_server.kill()
        with pytest.raises(StoreDownError):
            await one.trip()
        assert one.heard[-1] is None
        assert not one.changes.is_read
        assert not one.changes.is_read_since(0.0)


@pytest.mark.parametrize("trouble", ["dead", "hanging", "full"])
async def test_what_redis_did_not_take_goes_along_with_the_next_trip(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    logged = logged_by("app.changes", monkeypatch)
    async with standing_worker(redis_server) as one, standing_worker(redis_server) as other:
        await other.changes.publish(BOB)  # opens the connection that is used for it
        if trouble == "dead":
            redis_server.kill()
        elif trouble == "hanging":
            monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.05)
            redis_server.hang()
        else:
            await other.redis.config_set("maxmemory", "1")
        try:
            assert await one.changes.publish(ANN) is False
        finally:
            if trouble == "dead":
                redis_server.start()
            elif trouble == "hanging":
                redis_server.go_on()
            else:
                await other.redis.config_set("maxmemory", "0")
        assert [entry["event"] for entry in logged] == ["changes_unpublished"]
        await other.settle()
        other.heard.clear()
        await one.settle()
        await other.trip()
        # A Redis that hung may take the first attempt too, when it goes on.
        assert {tuple(set(ids or ())) for ids in other.heard} == {(ANN,)}
        told = list(other.heard)
        await one.trip()
        await other.trip()
        assert other.heard == told, "once"


async def test_what_a_failed_trip_had_with_it_goes_along_with_the_next(
    redis_server: RedisServer,
) -> None:
    async with standing_worker(redis_server) as one, standing_worker(redis_server) as other:
        redis_server.kill()
        assert await one.changes.publish(ANN) is False
        with pytest.raises(StoreDownError):
            await one.trip()
        redis_server.start()
        await other.settle()
        other.heard.clear()
        await one.settle()
        await other.trip()
        assert other.heard == [[ANN]]


async def test_what_waits_to_be_sent_is_bounded(redis_server: RedisServer) -> None:
    async with standing_worker(redis_server) as one, standing_worker(redis_server) as other:
        redis_server.kill()
        for _ in range(PAGE + 1):
            one.changes.miss(module.Errand(0.0, (b"0-0", uuid.uuid4().hex.encode())))
        assert one.changes.errand().arguments[1:] == (b"*",)
        redis_server.start()
        await other.settle()
        other.heard.clear()
        one.changes.miss(module.Errand(0.0, (b"0-0", b"*")))
        await one.settle()
        await other.trip()
        assert other.heard == [None]


async def test_what_is_published_for_a_request_that_is_given_up_is_told_all_the_same(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    async with standing_worker(redis_server) as one, standing_worker(redis_server) as other:
        monkeypatch.setattr(one.redis, "xadd", never)
        publishing = asyncio.ensure_future(one.changes.publish(ANN))
        await asyncio.sleep(0)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        await one.trip()
        await other.trip()
        assert other.heard == [[ANN]]


async def test_many_ids_at_once_are_everything(redis_server: RedisServer) -> None:
    async with standing_worker(redis_server) as one, standing_worker(redis_server) as other:
        await one.changes.publish(*(uuid.uuid4() for _ in range(MAX_IDS)))
        await other.trip()
        await one.changes.publish(*(uuid.uuid4() for _ in range(MAX_IDS + 1)))
        await other.trip()
        assert other.heard[0] is not None
        assert other.heard[1:] == [None]


@pytest.mark.parametrize("rubbish", ["", "*", "x", "1-2-3", "\xff", f"{ANN.hex} ", "{" * 9_000])
async def test_an_entry_that_nobody_of_us_wrote_is_told_as_everything(
    redis_server: RedisServer, rubbish: str
) -> None:
    async with standing_worker(redis_server) as one:
        await one.redis.xadd(STREAM, {"ids": rubbish})
        await one.changes.publish(ANN)
        one.heard.clear()
        await one.trip()
        assert one.heard == [None]
        assert one.changes.is_read


async def test_news_that_cannot_be_read_stops_no_count_and_nothing_counts_as_read(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = logged_by("app.changes", monkeypatch)
    async with standing_worker(redis_server) as one:
        await one.redis.delete(STREAM)
        await one.redis.set(STREAM, "of another kind")
        hits = [(await one.trip()).hits for _ in range(3)]
        assert hits == [2, 3, 4]
        assert set(one.heard) == {None}
        assert not one.changes.is_read
        assert [entry["event"] for entry in logged] == ["changes_unreadable"], "said once"
        await one.redis.delete(STREAM)
        await one.trip()
        assert one.changes.is_read


async def test_a_redis_that_permits_no_publishing_is_not_believed(
    redis_server: RedisServer,
) -> None:
    """Whoever could publish nothing must not think that all is told."""
    async with standing_worker(redis_server) as one:
        await one.redis.acl_setuser("default", enabled=True, commands=["-xadd"])
        assert await one.changes.publish(ANN) is False
        await one.trip()
        assert not one.changes.is_read
        await one.redis.acl_setuser("default", enabled=True, commands=["+xadd"])
        await one.trip()
        assert one.changes.is_read


async def test_the_stream_is_bounded(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LENGTH", 200)
    async with standing_worker(redis_server) as one:
        for _ in range(500):
            await one.changes.publish(ANN)
        # Redis cuts whole nodes of a hundred entries.
        assert 200 <= await one.redis.xlen(STREAM) <= 300


@pytest.mark.parametrize("answer", [7, [], [[]], [[b"1-0"]], [[b"1-0", []]], [[b"1-0", None]]])
async def test_an_answer_of_another_shape_fails_the_trip(answer: Any) -> None:
    changes = Changes(None)
    with pytest.raises(RedisError, match="another shape"):
        changes.take(changes.errand(), answer)
    assert not changes.is_read
