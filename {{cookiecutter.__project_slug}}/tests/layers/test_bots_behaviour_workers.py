"""Several workers with one Redis, and what becomes of them without it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from redis.asyncio import Redis

from app.layers.bots import BotsSettings, Decision
from app.layers.bots.local.behaviour import (
    CLEAN,
    Behaviour,
    Holding,
    Standing,
    open_behaviour,
)
from app.layers.bots.local.behaviour.local_table import ASK_SECONDS, MAX_QUEUE, LocalTable
from tests.layers.behaviour import (
    ANN,
    BOB,
    PATIENT,
    by_itself,
    fail_logins,
    found,
    missing,
    send,
    worker,
)
from tests.layers.small_app import logged_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.layers.conftest import Clock
    from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

ENGINE = "app.layers.bots.local.behaviour.engine"


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(int(PATIENT / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def _decision(behaviour: Behaviour, client: str = ANN) -> Decision:
    return behaviour.standing(client).decision


async def test_a_worker_learns_what_another_one_saw_with_the_clients_first_request(
    redis_server: RedisServer,
) -> None:
    async with worker(redis_server) as one, worker(redis_server) as other:
        one.saw(ANN, missing("/.env"))
        assert _decision(one) is Decision.REFUSE  # at once, without asking anybody
        await one.tell()
        assert other.standing(ANN) is CLEAN
        other.saw(ANN, found("/ok"))
        await other.tell()
        assert _decision(other) is Decision.REFUSE
        assert other.standing(ANN).reasons == ("honeypot",)
        assert other.standing(BOB) is CLEAN


async def test_what_two_workers_saw_adds_up(redis_server: RedisServer) -> None:
    async with worker(redis_server) as one, worker(redis_server) as other:
        send(one, [missing(f"/one-{number}") for number in range(18)])
        send(other, [missing(f"/other-{number}") for number in range(18)])
        assert _decision(one) is Decision.ALLOW
        assert _decision(other) is Decision.ALLOW

        for each in (one, other):
            await each.tell()
        for each in (one, other):  # which of the two was first to tell heard nothing yet
            each.saw(ANN, missing("/the-same"))
            await each.tell()
            assert _decision(each) is not Decision.ALLOW


async def test_what_is_seen_while_a_trip_is_under_way_is_kept(redis_server: RedisServer) -> None:
    async with worker(redis_server) as one, worker(redis_server) as other:
        for number in range(40):
            one.saw(ANN, missing(f"/path-{number}"))
            await asyncio.sleep(0)
        assert _decision(one) is Decision.REFUSE
        await one.tell()
        assert _decision(one) is Decision.REFUSE
        other.saw(ANN, missing("/path-0"))
        await other.tell()
        assert _decision(other) is Decision.REFUSE


async def test_ordinary_traffic_is_asked_for_seldom_and_never_told(clock: Clock) -> None:
    behaviour = by_itself(clock)
    behaviour.is_shared = True
    table = behaviour.clients.local
    send(behaviour, [found("/ok")] * 100)
    (turn,) = table.take(10, clock.now)
    assert (turn.key, turn.packed) == (ANN, b"")
    send(behaviour, [found("/ok")] * 100)
    assert not table.waits
    clock.now += ASK_SECONDS + 1
    send(behaviour, [found("/ok")] * 100)
    assert [turn.key for turn in table.take(10, clock.now)] == [ANN]


async def test_those_with_something_to_tell_go_first_and_the_batch_is_bounded(
    clock: Clock,
) -> None:
    behaviour = Behaviour(None, size=10_000, clock=clock)
    behaviour.is_shared = True
    for number in range(50):
        behaviour.saw(f"good-{number}", found("/ok"))
    behaviour.saw("bad", missing("/.env"))
    turns = behaviour.clients.local.take(10, clock.now)
    assert [turn.key for turn in turns] == ["bad", *(f"good-{number}" for number in range(9))]
    assert [bool(turn.packed) for turn in turns] == [True] + [False] * 9


async def test_the_queue_is_bounded_and_what_it_drops_is_counted(clock: Clock) -> None:
    behaviour = Behaviour(None, size=100_000, clock=clock)
    behaviour.is_shared = True
    for number in range(MAX_QUEUE + 10):
        behaviour.saw(str(number), missing("/.env"))
    assert behaviour.dropped == 10
    assert len(behaviour.clients.local.take(10 * MAX_QUEUE, clock.now)) == MAX_QUEUE


async def test_a_dead_redis_is_told_of_once_and_every_worker_goes_on_by_itself(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = logged_by(ENGINE, monkeypatch)
    async with worker(redis_server) as behaviour:
        redis_server.kill()
        behaviour.saw(ANN, missing("/.env"))
        await _until(lambda: not behaviour.is_shared)
        for number in range(300):
            behaviour.saw(f"client-{number}", missing("/.env"))
            fail_logins(behaviour, ["somebody"], client=f"client-{number}")
        assert _decision(behaviour) is Decision.REFUSE
        assert _decision(behaviour, "client-299") is Decision.REFUSE
        assert not behaviour.clients.local.waits
        await asyncio.sleep(0.2)  # several attempts
        assert [event["event"] for event in events] == ["behaviour_degraded"]
        assert behaviour.outages == 1
        redis_server.start()
        await _until(lambda: behaviour.is_shared)
        behaviour.saw(BOB, missing("/.env"))
        await behaviour.tell()
        async with worker(redis_server) as other:
            other.saw(BOB, missing("/nothing"))
            await other.tell()
            assert _decision(other, BOB) is Decision.REFUSE
    assert [event["event"] for event in events] == ["behaviour_degraded", "behaviour_restored"]
    assert events[1]["dropped"] == 1


async def test_a_redis_that_answers_errors_is_as_good_as_dead(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = logged_by(ENGINE, monkeypatch)
    async with worker(redis_server) as behaviour, Redis.from_url(redis_server.url) as redis:
        await redis.set("{bots}:clients:new", "not a hash")
        behaviour.saw(ANN, missing("/.env"))
        await _until(lambda: not behaviour.is_shared)
        assert _decision(behaviour) is Decision.REFUSE
        await redis.delete("{bots}:clients:new")
        await _until(lambda: behaviour.is_shared)
    assert events[0] == {"event": "behaviour_degraded", "reason": "ResponseError"}


async def test_a_redis_that_hangs_delays_nobody(redis_server: RedisServer) -> None:
    async with worker(redis_server) as behaviour:
        redis_server.hang()
        loop = asyncio.get_running_loop()
        worst = 0.0
        for number in range(200):
            before = loop.time()
            behaviour.saw(str(number), missing("/.env"))
            assert _decision(behaviour, str(number)) is Decision.REFUSE
            await asyncio.sleep(0)
            worst = max(worst, loop.time() - before)
        assert worst < PATIENT / 10  # the trip under way takes ten times as long
        redis_server.go_on()


async def test_without_redis_nothing_is_kept_for_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[dict[str, Any]] = logged_by(ENGINE, monkeypatch)
    async with open_behaviour(BotsSettings(), None) as behaviour:
        behaviour.saw(ANN, missing("/.env"))
        assert _decision(behaviour) is Decision.REFUSE
        assert not behaviour.clients.local.waits
    assert events == []


async def test_a_client_that_is_forgotten_here_is_remembered_in_redis(
    redis_server: RedisServer,
) -> None:
    async with worker(redis_server) as behaviour:
        behaviour.saw(ANN, missing("/.env"))
        await behaviour.tell()
        behaviour.clients = behaviour.clients._replace(local=LocalTable(1000))
        assert behaviour.standing(ANN) is CLEAN
        behaviour.saw(ANN, found("/ok"))
        await _until(lambda: _decision(behaviour) is Decision.REFUSE)


@pytest.mark.parametrize("pause", [0, 1], ids=["sending", "waiting for the answer"])
async def test_closing_ends_at_whatever_moment_of_a_trip(
    redis_server: RedisServer, pause: int
) -> None:
    before = asyncio.all_tasks()
    for moment in range(40):
        async with worker(redis_server) as behaviour:
            behaviour.saw(ANN, missing("/.env"))
            for _ in range(moment):
                await asyncio.sleep(pause / 5000)
        assert asyncio.all_tasks() == before, moment


async def test_closing_needs_no_cancellation_that_arrives(redis_server: RedisServer) -> None:
    # What `asyncio.wait_for` does at the wrong moment, before Python 3.12.
    async def deaf(*_: object) -> None:
        under_way.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    under_way = asyncio.Event()
    before = asyncio.all_tasks()
    async with asyncio.timeout(PATIENT), worker(redis_server) as behaviour:
        with patch.object(behaviour, "_exchange", deaf):
            behaviour.saw(ANN, missing("/.env"))
            await under_way.wait()
    assert asyncio.all_tasks() == before


async def test_only_so_many_are_held_at_once() -> None:
    holding = Holding(places=3)
    held = [asyncio.ensure_future(holding.hold(Standing(99))) for _ in range(3)]
    await asyncio.sleep(0)
    assert holding.held == 3
    assert await holding.hold(Standing(99)) is False  # at once
    for one in held:
        one.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert holding.held == 0
    assert await holding.hold(Standing(0)) is True
