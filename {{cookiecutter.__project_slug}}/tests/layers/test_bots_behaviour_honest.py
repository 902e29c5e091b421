"""Honest clients, seventy of them, for hours: nobody is refused, nobody is held."""

from __future__ import annotations

import random
import uuid
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest

from app.layers.bots import Decision
from app.layers.bots.local.behaviour import Seen
from tests.layers.behaviour import by_itself, found, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.layers.conftest import Clock

SEEDS = range(10)


class Step(NamedTuple):
    """A request after a pause, or a failed login to an account."""

    pause: float
    seen: Seen | None
    account: str = ""


def browsing(rng: random.Random) -> Iterator[Step]:
    """Read for an hour, meet a dead link now and then, mistype a password."""
    for path in ("/favicon.ico", "/robots.txt", "/apple-touch-icon.png"):
        yield Step(0.1, missing(path))
    for number in range(90):
        yield Step(rng.uniform(5, 60), found(f"/notes/{uuid.UUID(int=rng.getrandbits(128))}"))
        if number % 15 == 0:
            yield Step(1, missing(f"/old/{rng.randrange(10**9)}-{number}.html"))
    for _ in range(2):
        yield Step(5, None, "my own")


def polling(rng: random.Random) -> Iterator[Step]:
    """Ask every ten seconds for two hours, sometimes for a thing that is gone."""
    for _ in range(720):
        is_gone = rng.random() < 0.2
        status = 404 if is_gone else 200
        yield Step(10, Seen("/api/v1/notes/changes", status, is_routed=True))


def paging(rng: random.Random) -> Iterator[Step]:
    """Turn two hundred pages, as fast as the limit of requests lets one."""
    for _ in range(200):
        yield Step(9 + rng.random(), found("/api/v1/notes"))


def reading_what_was_listed(rng: random.Random) -> Iterator[Step]:
    """Read a list, and each thing in it, four times over; their identifiers follow each other."""
    first = rng.randrange(1, 10**6)
    for _ in range(4):
        yield Step(5, found("/api/v1/items"))
        for number in range(first, first + 20):
            yield Step(3, found(f"/api/v1/items/{number}"))


def storming_after_an_outage(rng: random.Random) -> Iterator[Step]:
    """Try again and again while the service is not there, and be limited for it."""
    path = "/api/v1/notes"
    for status in [503] * 80 + [429] * 15 + [200] * 60:
        yield Step(rng.uniform(0.1, 2), Seen(path, status, is_routed=True))


def with_a_token_that_has_ended(rng: random.Random) -> Iterator[Step]:
    """Notice late, each quarter of an hour, that the token has ended."""
    for number in range(400):
        status = 401 if number % 25 < 4 else 200
        yield Step(rng.uniform(5, 12), Seen("/api/v1/accounts/me", status, is_routed=True))


def in_an_office_of_thirty(rng: random.Random) -> Iterator[Step]:
    """Come in within an hour, log in, mistype now and then, work: all behind one address."""
    arrivals = sorted(rng.uniform(0, 3600) for _ in range(30))
    for person, (before, arrival) in enumerate(pairwise([0.0, *arrivals])):
        yield Step(arrival - before, found("/api/v1/accounts/login"))
        if person % 5 == 0:
            yield Step(1, None, f"person {person}")
        if person % 6 == 0:
            yield Step(1, missing(f"/old-bookmark-{person}"))
        for _ in range(8):
            one = uuid.UUID(int=rng.getrandbits(128), version=4)
            yield Step(0.5, found(f"/api/v1/notes/{one}"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "session",
    [
        browsing,
        polling,
        paging,
        reading_what_was_listed,
        storming_after_an_outage,
        with_a_token_that_has_ended,
        in_an_office_of_thirty,
    ],
    ids=lambda session: session.__name__,
)
def test_twin_no_honest_session_is_refused_or_held(
    session: Callable[[random.Random], Iterator[Step]], seed: int, clock: Clock
) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same each run
    behaviour = by_itself(clock)
    for step in session(rng):
        clock.now += step.pause
        if step.seen is None:
            behaviour.saw_failed_login("honest", step.account)
        else:
            behaviour.saw("honest", step.seen)
        standing = behaviour.standing("honest")
        assert standing.decision is Decision.ALLOW, standing


def test_attack_what_the_sessions_stay_below_is_no_high_bar(clock: Clock) -> None:
    behaviour = by_itself(clock)
    for number in range(60):
        clock.now += 9
        behaviour.saw("a scanner", missing(f"/admin-{number}"))
    assert behaviour.standing("a scanner").decision is Decision.REFUSE
