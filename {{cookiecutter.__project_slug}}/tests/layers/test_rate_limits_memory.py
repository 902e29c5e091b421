"""Counting in this process's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.layers.rate_limits import Hit, MemoryStore, Policy

if TYPE_CHECKING:
    from tests.layers.conftest import Clock

MINUTE = Policy("minute", 10, 60)
HOUR = Policy("hour", 10, 3600)


def _hit(key: str, policy: Policy = MINUTE, cost: int = 1) -> Hit:
    return Hit(policy.key(key), policy, cost)


def test_hits_add_up_within_a_window(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    assert [store.count([_hit("a")])[0].hits for _ in range(3)] == [1, 2, 3]


def test_the_first_hit_starts_the_window_and_later_ones_do_not_stretch_it(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    assert store.count([_hit("a")])[0].seconds_left == 60
    clock.now += 45
    assert store.count([_hit("a")])[0] == (2, 15)
    clock.now += 15
    assert store.count([_hit("a")])[0] == (1, 60)


def test_keys_are_counted_apart(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    counts = store.count([_hit("a"), _hit("a"), _hit("b"), _hit("a", HOUR)])
    assert [count.hits for count in counts] == [1, 2, 1, 1]


def test_a_cost_counts_as_so_many(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    assert store.count([_hit("a", cost=5), _hit("a")])[1].hits == 6


def test_what_is_given_back_is_taken_off(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    store.count([_hit("a"), _hit("a")])
    assert store.count([_hit("a", cost=-1)])[0].hits == 1


def test_what_is_given_back_too_late_buys_nothing(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    store.count([_hit("a")])
    clock.now += 60
    assert store.count([_hit("a", cost=-1)])[0].hits == 0
    assert store.count([_hit("a")])[0].hits == 1


def test_a_flood_of_clients_does_not_grow_the_memory(clock: Clock) -> None:
    store = MemoryStore(max_keys=100, clock=clock)
    for number in range(10_000):
        store.count([_hit(str(number))])
        assert len(store) <= 100
    assert len(store) == 100


def test_windows_that_have_ended_make_room_first(clock: Clock) -> None:
    store = MemoryStore(max_keys=4, clock=clock)
    store.count([_hit("hour", HOUR), _hit("old-1"), _hit("old-2"), _hit("old-3")])
    clock.now += 60
    store.count([_hit("new-1"), _hit("new-2"), _hit("new-3")])
    assert store.count([_hit("hour", HOUR), _hit("new-1")])[0].hits == 2
    assert store.count([_hit("new-1")])[0].hits == 3
    assert len(store) == 4


def test_windows_of_another_policy_that_have_ended_make_room_too(clock: Clock) -> None:
    store = MemoryStore(max_keys=3, clock=clock)
    store.count([_hit("a"), _hit("b")])
    store.count([_hit("kept", HOUR)])
    clock.now += 60
    store.count([_hit("new", HOUR)])
    assert len(store) == 2
    assert store.count([_hit("kept", HOUR)])[0].hits == 2


def test_a_flood_of_addresses_does_not_push_out_the_counts_of_something_else(clock: Clock) -> None:
    store = MemoryStore(max_keys=50, clock=clock)
    failures = Policy("failed-logins", 10, MINUTE.window)
    store.count([_hit("victim@example.com", failures, cost=9)])
    for number in range(1000):
        store.count([_hit(str(number))])
    assert store.count([_hit("victim@example.com", failures)])[0].hits == 10
