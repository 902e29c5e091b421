"""What one worker remembers, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.layers.bots import Decision
from app.layers.bots.local.behaviour import CLEAN, Behaviour
from tests.layers.behaviour import ANN, BOB, by_itself, fail_logins, found, missing, send

if TYPE_CHECKING:
    from tests.layers.conftest import Clock

MINUTE = 60


@pytest.fixture
def behaviour(clock: Clock) -> Behaviour:
    return by_itself(clock)


def test_one_worker_remembers_a_bounded_number_of_clients(clock: Clock) -> None:
    behaviour = by_itself(clock)
    behaviour.saw("first", missing("/.env"))
    for number in range(5000):
        behaviour.saw(str(number), missing("/.env"))
        fail_logins(behaviour, [f"account-{number}"], client=str(number))
    assert len(behaviour.clients.local) <= 1000
    assert len(behaviour.accounts.local) <= 1000
    assert behaviour.standing("first") is CLEAN
    assert behaviour.standing("4999").decision is Decision.REFUSE


def test_who_is_silent_for_an_hour_is_forgotten(behaviour: Behaviour, clock: Clock) -> None:
    behaviour.saw(ANN, missing("/.env"))
    for _ in range(3):
        clock.now += 31 * MINUTE
        behaviour.saw(BOB, found("/ok"))
    assert behaviour.standing(ANN) is CLEAN
    assert len(behaviour.clients.local) == 1


def test_who_comes_every_half_hour_is_remembered(behaviour: Behaviour, clock: Clock) -> None:
    send(behaviour, [missing("/.env")] * 12)
    for _ in range(4):
        clock.now += 29 * MINUTE
        behaviour.saw(ANN, found("/ok"))
    assert behaviour.standing(ANN).decision is Decision.SLOW
    assert behaviour.standing(ANN).reasons == ("honeypot",)
