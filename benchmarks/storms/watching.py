"""Times visitors while something happens, and keeps what counts."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks import BenchError
from benchmarks.live import visited
from benchmarks.storms.crowd import Answer, send
from benchmarks.summary import waits_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.live import Ground, Visit
    from benchmarks.storms.crowd import Lane
    from benchmarks.summary import Waits

QUIET_SECONDS = 5
SETTLE_SECONDS = 1.0
"""Between two times, so that none has the other's end in it."""

LEAST_WAITS = 50
"""Fewer have no 99th percentile worth a name."""


def quiet(ground: Ground, visits: Mapping[str, Visit]) -> dict[str, Waits]:
    """Time the visitors while nothing else happens; return their waits by name.

    Raises:
        BenchError: one was not answered with success.
    """
    time.sleep(SETTLE_SECONDS)
    with ExitStack() as stack:
        seen = {name: stack.enter_context(visited(ground, one)) for name, one in visits.items()}
        time.sleep(QUIET_SECONDS)
    return {name: waits_of([waited for _, waited in times]) for name, times in seen.items()}


def stormy(
    ground: Ground, visits: Mapping[str, Visit], lanes: Sequence[Lane]
) -> tuple[dict[str, Waits], list[Answer]]:
    """Time the visitors while the lanes are walked; return their waits then, and the answers.

    Raises:
        BenchError: a visitor was not answered with success, or the storm was over too soon.
    """
    time.sleep(SETTLE_SECONDS)
    with ExitStack() as stack:
        seen = {name: stack.enter_context(visited(ground, one)) for name, one in visits.items()}
        answers = send(ground, lanes)
    return {name: waits_of(within(times, answers)) for name, times in seen.items()}, answers


def within(times: Sequence[tuple[float, float]], answers: Sequence[Answer]) -> list[float]:
    """Return the waits of those requests that were due while the storm lasted.

    Raises:
        BenchError: there are too few of them.
    """
    first, last = span(answers)
    found = [waited for due, waited in times if first <= due <= last]
    if len(found) < LEAST_WAITS:
        raise BenchError(f"only {len(found)} requests of a visitor fell into the storm")
    return found


def span(answers: Sequence[Answer]) -> tuple[float, float]:
    """Return when the first request was sent and when the last answer came."""
    return min(one.sent for one in answers), max(one.answered for one in answers)


def seconds(answers: Sequence[Answer]) -> float:
    """Return how long a storm lasted."""
    first, last = span(answers)
    return last - first


def statuses(answers: Sequence[Answer]) -> dict[str, int]:
    """Return how many answers had each status; JSON has no numbers for names."""
    counted = Counter(one.status for one in answers)
    return {str(status): counted[status] for status in sorted(counted)}
