"""The three ways of counting: what they let through, and when they say to come back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from app.layers.rate_limits import Hit, MemoryStore
from app.layers.rate_limits.policies import Policy, parse_policies

if TYPE_CHECKING:
    from app.layers.rate_limits.windows import Count
    from tests.layers.conftest import Clock

FIXED = "10/minute"
SLIDING = "10/minute sliding"
BUCKET = "10/minute burst 10"
KINDS = (FIXED, SLIDING, BUCKET)


class Counter:
    """One client against one limit, in this process's memory."""

    def __init__(self, limit: str, clock: Clock) -> None:
        (self.policy,) = parse_policies("test", limit)
        self.clock = clock
        self.store = MemoryStore(clock=clock)

    def hit(self, cost: int = 1) -> Count:
        return self.store.count([Hit(self.policy.key("me"), self.policy, cost)])[0]

    def passes(self, cost: int = 1) -> bool:
        return self.hit(cost).hits <= self.policy.amount

    def burst(self) -> int:
        """Return how many pass before one is refused."""
        number = 0
        while self.passes():
            number += 1
            assert number < 1000
        return number


@pytest.mark.parametrize("limit", KINDS)
def test_at_once_exactly_the_limit_passes(clock: Clock, limit: str) -> None:
    assert Counter(limit, clock).burst() == 10


@pytest.mark.parametrize(("limit", "most"), [(FIXED, 19), (SLIDING, 10), (BUCKET, 10)])
def test_around_the_end_of_a_window_only_a_fixed_one_lets_twice_as_many_through(
    clock: Clock, limit: str, most: int
) -> None:
    counter = Counter(limit, clock)
    counter.passes()
    clock.now += 58
    before = counter.burst()
    clock.now += 2
    assert before + counter.burst() == most


def test_a_bucket_of_fifty_gives_fifty_and_then_one_every_six_seconds(clock: Clock) -> None:
    counter = Counter("10/minute burst 50", clock)
    assert counter.burst() == 50
    for _ in range(20):
        clock.now += 5.999
        assert not counter.passes()
        clock.now += 0.001
        assert counter.passes()
        assert not counter.passes()
    clock.now += 60
    assert counter.burst() == 10
    clock.now += 3600
    assert counter.burst() == 50, "it holds no more than that, however long it was left alone"


def test_a_sliding_window_lets_through_what_has_faded_of_the_last_one(
    clock: Clock,
) -> None:
    counter = Counter(SLIDING, clock)
    assert counter.burst() == 10
    clock.now += 60
    assert counter.burst() == 1, "all but the first of the last window still count"
    clock.now += 30
    assert counter.burst() == 5, "half of them do"
    clock.now += 120
    assert counter.burst() == 10


def test_a_steady_client_within_the_limit_is_never_refused(clock: Clock) -> None:
    for limit in KINDS:
        counter = Counter(limit, clock)
        for _ in range(100):
            assert counter.passes(), limit
            clock.now += 6.01


@pytest.mark.parametrize("limit", [*KINDS, "7/minute burst 3", "3/second sliding"])
@pytest.mark.parametrize("cost", [1, 3])
def test_who_comes_back_when_told_to_is_let_through_and_not_a_second_before(
    clock: Clock, limit: str, cost: int
) -> None:
    counter = Counter(limit, clock)
    for number in range(30):
        clock.now += number % 5 * 0.37
        left = counter.hit(cost)
        if left.hits <= counter.policy.amount:
            continue
        wait = max(1, math.ceil(left.seconds_left))
        clock.now += left.seconds_left * 0.99
        assert not counter.passes(cost)
        clock.now += wait - left.seconds_left * 0.99
        assert counter.passes(cost)


@pytest.mark.parametrize("limit", KINDS)
def test_asking_too_early_does_not_stretch_the_wait(clock: Clock, limit: str) -> None:
    patient, hasty = Counter(limit, clock), Counter(limit, clock)
    patient.burst()
    hasty.burst()
    told = patient.hit().seconds_left
    start = clock.now
    while clock.now < start + told - 0.5:
        assert not hasty.passes()
        clock.now += 0.5
    clock.now = start + told
    assert hasty.passes()


@pytest.mark.parametrize("limit", KINDS)
def test_what_is_given_back_can_be_used_again(clock: Clock, limit: str) -> None:
    counter = Counter(limit, clock)
    assert [counter.passes() for _ in range(10)] == [True] * 10
    counter.hit(cost=-1)
    counter.hit(cost=-1)
    assert counter.burst() == 2


@pytest.mark.parametrize("limit", KINDS)
def test_more_is_never_given_back_than_was_counted(clock: Clock, limit: str) -> None:
    counter = Counter(limit, clock)
    counter.hit()
    clock.now += 500
    assert counter.hit(cost=-5) == (0, 0)
    assert counter.burst() == 10


@pytest.mark.parametrize("limit", [SLIDING, BUCKET])
def test_what_is_given_back_of_a_later_moment_leaves_no_credit(clock: Clock, limit: str) -> None:
    counter = Counter(limit, clock)
    counter.hit()
    counter.hit(cost=-5)
    assert counter.burst() == 10


def test_what_was_counted_in_the_window_before_is_given_back_there(clock: Clock) -> None:
    counter = Counter(SLIDING, clock)
    counter.burst()
    clock.now += 60
    counter.hit(cost=-4)
    assert counter.burst() == 5


@pytest.mark.parametrize("limit", KINDS)
def test_the_first_refusal_of_a_window_is_told_from_those_after_it(
    clock: Clock, limit: str
) -> None:
    counter = Counter(limit, clock)
    amount = counter.policy.amount
    counter.burst()
    for _ in range(5):
        clock.now += 1
        count = counter.hit()
        assert count.hits - 1 > amount, "not the first"
    clock.now += 600
    seen = [counter.hit().hits for _ in range(13)]
    assert [hits for hits in seen if hits - 1 <= amount < hits] == [11]


@pytest.mark.parametrize("limit", KINDS)
def test_more_than_there_will_ever_be_is_always_refused(clock: Clock, limit: str) -> None:
    counter = Counter(limit, clock)
    for _ in range(5):
        count = counter.hit(cost=11)
        assert count.hits > counter.policy.amount
        assert 0 < count.seconds_left <= 120
        clock.now += 200


def test_every_key_is_forgotten_in_the_end(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    for limit in KINDS:
        (policy,) = parse_policies("test", limit)
        for number in range(20):
            store.count([Hit(policy.key(str(number)), policy)])
    clock.now += 121
    for limit in KINDS:
        (policy,) = parse_policies("test", limit)
        store.count([Hit(policy.key("new"), policy)])
    assert len(store) == 3


@pytest.mark.parametrize("limit", KINDS)
def test_a_flood_of_clients_does_not_grow_the_memory(clock: Clock, limit: str) -> None:
    store = MemoryStore(max_keys=100, clock=clock)
    (policy,) = parse_policies("test", limit)
    for number in range(2000):
        store.count([Hit(policy.key(str(number % 150)), policy)])
        clock.now += number % 3
        assert len(store) <= 100


def test_a_busy_client_stays_when_a_flood_of_others_makes_room(clock: Clock) -> None:
    policy = Policy("test", 10, 600, "bucket")
    store = MemoryStore(max_keys=100, clock=clock)
    for number in range(1000):
        (count,) = store.count([Hit(policy.key("busy"), policy)])
        store.count([Hit(policy.key(str(number)), policy)])
    assert count.hits > 10
