"""Clients that walk through identifiers, and those that only seem to."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

import pytest

from app.layers.bots import Decision
from app.layers.bots.local.behaviour import CLEAN, Behaviour, Seen
from tests.layers.behaviour import ANN, by_itself, found, send

if TYPE_CHECKING:
    from tests.layers.conftest import Clock


@pytest.fixture
def behaviour(clock: Clock) -> Behaviour:
    return by_itself(clock)


@pytest.mark.parametrize("start", [1, 4_000_000, 10**15], ids=str)
@pytest.mark.parametrize("order", ["up", "down", "shuffled", "every third"])
def test_walking_through_numbers_is_refused(behaviour: Behaviour, start: int, order: str) -> None:
    numbers = list(range(start, start + 100))
    if order == "down":
        numbers.reverse()
    elif order == "shuffled":
        random.Random(3).shuffle(numbers)  # noqa: S311 - the same each run
    elif order == "every third":
        numbers = list(range(start, start + 300, 3))
    send(behaviour, [found(f"/api/v1/items/{number}") for number in numbers])
    assert behaviour.standing(ANN).decision is Decision.REFUSE
    assert behaviour.standing(ANN).reasons[0] == "identifiers"


def test_walking_through_many_rows_of_numbers_at_once_is_refused(behaviour: Behaviour) -> None:
    rows = [100_000 * row for row in range(1, 9)]
    walk = [found(f"/items/{row + step}") for step in range(16) for row in rows]
    send(behaviour, walk)
    assert behaviour.standing(ANN).decision is Decision.REFUSE


@pytest.mark.parametrize("template", ["/users/{}/notes", "/users/{}/files/7", "/a/7/b/8/c/{}"])
def test_walking_is_seen_wherever_the_number_stands(behaviour: Behaviour, template: str) -> None:
    send(behaviour, [found(template.format(number)) for number in range(500, 600)])
    assert behaviour.standing(ANN).decision is Decision.REFUSE


@pytest.mark.parametrize("spelling", ["str", "hex", "upper"])
def test_walking_through_uuids_that_follow_each_other_is_refused(
    behaviour: Behaviour, spelling: str
) -> None:
    first = 0x0B0E7A4E_4B5C_4C8E_9A48_0F5B2D4B8F00
    for step in range(100):
        one = uuid.UUID(int=first + step)
        path = {"str": str(one), "hex": one.hex, "upper": str(one).upper()}[spelling]
        behaviour.saw(ANN, Seen(f"/notes/{path}", 404, is_routed=True))
    assert behaviour.standing(ANN).decision is Decision.REFUSE


@pytest.mark.parametrize("seed", range(5))
def test_random_uuids_are_no_walk(behaviour: Behaviour, clock: Clock, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same each run
    for _ in range(2000):  # as fast as the limit of requests allows
        one = uuid.UUID(int=rng.getrandbits(128), version=4)
        behaviour.saw(ANN, found(f"/notes/{one}"))
        clock.now += 9
        assert behaviour.standing(ANN).score < 25


def test_a_page_of_numbers_read_again_and_again_is_no_walk(behaviour: Behaviour) -> None:
    send(behaviour, [found(f"/items/{number}") for number in range(30)] * 20)
    assert behaviour.standing(ANN).decision is Decision.ALLOW


def test_versions_and_query_pages_are_no_identifiers(behaviour: Behaviour) -> None:
    send(behaviour, [found(f"/api/v{number}/notes") for number in range(100)])
    assert behaviour.standing(ANN) == CLEAN
