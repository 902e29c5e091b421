"""What a worker knows to be refused: it costs no trip, and says nothing that Redis would not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from app.layers.rate_limits import Hit, MemoryStore, RateLimits, StoreDownError
from app.layers.rate_limits.denied import BELIEVED_SECONDS, Denied
from app.layers.rate_limits.policies import Policy, parse_policies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.layers.rate_limits.windows import Count
    from tests.layers.conftest import Clock

pytestmark = pytest.mark.anyio

POLICY = Policy("test", 3, 60)


class _Shared(MemoryStore):
    """A shared store that counts how often it is asked, and can be down."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.asked = 0
        self.is_down = False

    async def hit(self, hits: Sequence[Hit]) -> list[Count]:
        self.asked += 1
        if self.is_down:
            raise StoreDownError("down")
        return self.count(hits)


@pytest.fixture
def shared(clock: Clock) -> _Shared:
    """What Redis is, but for the wire."""
    return _Shared(clock)


@pytest.fixture
def denied(clock: Clock) -> Denied:
    """What one worker remembers."""
    return Denied(max_keys=5, clock=clock)


@pytest.fixture
def engine(shared: _Shared, denied: Denied) -> RateLimits:
    """One worker."""
    return RateLimits(shared, workers=2, denied=denied, retry_after=0.01)


def _hit(key: str = "a", policy: Policy = POLICY, cost: int = 1) -> Hit:
    return Hit(policy.key(key), policy, cost)


async def _flood(engine: RateLimits, number: int, hit: Hit | None = None) -> int:
    """Return how many of so many are let through."""
    return sum([(await engine.hit([hit or _hit()]))[0].allowed for _ in range(number)])


async def test_a_flood_over_its_limit_costs_no_trips(engine: RateLimits, shared: _Shared) -> None:
    assert await _flood(engine, 1000) == 3
    assert shared.asked == 4


async def test_what_is_let_through_is_always_asked(engine: RateLimits, shared: _Shared) -> None:
    for number in range(10):
        assert await _flood(engine, 1, _hit(str(number))) == 1
    assert shared.asked == 10


async def test_it_is_told_when_to_come_back_as_if_it_had_been_asked(
    engine: RateLimits, clock: Clock
) -> None:
    await _flood(engine, 4)
    for passed in (0, 0.5, 1, 3):
        clock.now += passed
        (outcome,) = await engine.hit([_hit()])
        assert not outcome.allowed
        assert outcome.remaining == 0
        assert outcome.seconds_left == pytest.approx(1060 - clock.now)


@pytest.mark.parametrize("limit", ["3/second", "3/second sliding", "3/second burst 3"])
async def test_who_comes_back_when_told_to_is_let_through(
    engine: RateLimits, clock: Clock, limit: str
) -> None:
    (policy,) = parse_policies("test", limit)
    await _flood(engine, 5, _hit(policy=policy))
    (outcome,) = await engine.hit([_hit(policy=policy)])
    clock.now += outcome.seconds_left
    assert await _flood(engine, 1, _hit(policy=policy)) == 1


async def test_the_log_hears_of_the_first_refusal_only(engine: RateLimits) -> None:
    outcomes = [(await engine.hit([_hit()]))[0] for _ in range(20)]
    assert [outcome.is_first_excess for outcome in outcomes].index(True) == 3
    assert sum(outcome.is_first_excess for outcome in outcomes) == 1


async def test_after_some_seconds_it_is_asked_again(
    engine: RateLimits, shared: _Shared, clock: Clock
) -> None:
    await _flood(engine, 10)
    shared.count([_hit(cost=-4)])  # an operator, or another Redis
    assert await _flood(engine, 1) == 0
    clock.now += BELIEVED_SECONDS
    assert await _flood(engine, 1) == 1


async def test_what_may_be_given_back_is_never_remembered(
    engine: RateLimits, shared: _Shared
) -> None:
    attempt = _hit()._replace(is_returnable=True)
    assert await _flood(engine, 4, attempt) == 3
    # Another worker gives its attempts back, and this one must not be behind.
    shared.count([_hit(cost=-2)])
    assert await _flood(engine, 1, attempt) == 1


async def test_a_smaller_request_may_pass_where_a_large_one_was_refused(
    engine: RateLimits,
) -> None:
    for limit in ("3/minute burst 3", "3/minute sliding"):
        (policy,) = parse_policies("test", limit)
        assert await _flood(engine, 1, _hit(policy=policy, cost=2)) == 1
        assert await _flood(engine, 1, _hit(policy=policy, cost=2)) == 0
        assert await _flood(engine, 1, _hit(policy=policy)) == 1


async def test_a_fixed_window_that_is_over_is_over_for_every_request(
    engine: RateLimits, shared: _Shared
) -> None:
    assert await _flood(engine, 1, _hit(cost=5)) == 0
    assert await _flood(engine, 5) == 0
    assert shared.asked == 1


async def test_of_several_limits_one_that_is_over_refuses(
    engine: RateLimits, shared: _Shared
) -> None:
    other = Policy("other", 1000, 3600)
    await _flood(engine, 4)
    asked = shared.asked
    outcomes = await engine.hit([_hit(policy=other), _hit()])
    assert [outcome.allowed for outcome in outcomes] == [False]
    assert shared.asked == asked


async def test_the_memory_is_bounded(engine: RateLimits, denied: Denied) -> None:
    for number in range(100):
        await _flood(engine, 4, _hit(str(number)))
        assert len(denied) <= 5
    assert len(denied) == 5
    assert await _flood(engine, 1, _hit("0")) == 0, "what was dropped is asked about, not let go"


async def test_what_has_ended_makes_room(engine: RateLimits, denied: Denied, clock: Clock) -> None:
    await _flood(engine, 4)
    clock.now += 60
    assert await _flood(engine, 1) == 1
    assert len(denied) == 0


async def test_a_lost_store_is_not_spoken_for(
    engine: RateLimits, shared: _Shared, denied: Denied
) -> None:
    await _flood(engine, 4)
    shared.is_down = True
    await _flood(engine, 1, _hit("b"))
    assert engine.is_degraded
    assert len(denied) == 0
    await engine.aclose()


async def test_hits_at_once_all_find_out_by_themselves(engine: RateLimits) -> None:
    outcomes = await asyncio.gather(*(engine.hit([_hit()]) for _ in range(100)))
    assert sum(outcome.allowed for (outcome,) in outcomes) == 3
