"""From samples to figures: medians, how far they spread, and ratios of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """One contestant under load in one round."""

    requests: int
    rps: float
    cpu_us: float
    """Processor time of the server for one request, in microseconds."""
    busy: float
    """Share of the measured time that the server had its core; near 1 when nothing else had it."""
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, and how far they lie apart."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a client waited, in milliseconds."""

    p50: float
    p99: float
    requests: int


def waits_of(times: Sequence[float]) -> Waits:
    """Return the percentiles of some waits, in milliseconds.

    Raises:
        ValueError: there are fewer than two.
    """
    if len(times) < 2:  # noqa: PLR2004 - percentiles lie between two values
        raise ValueError("too few waits to summarize")
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return Waits(cuts[49], cuts[98], len(times))


def spread(values: Sequence[float]) -> Spread:
    """Return the median, the least and the most of at least one value.

    Raises:
        ValueError: there is none.
    """
    if not values:
        raise ValueError("no values to summarize")
    return Spread(statistics.median(values), min(values), max(values))


def ratio_by_round(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Return how the ratio of two contestants spreads, each round compared within itself.

    Raises:
        ValueError: they have not run the same rounds.
    """
    return spread([one / other for one, other in zip(above, below, strict=True)])


def difference_by_round(full: Sequence[float], without: Sequence[float]) -> Spread:
    """Return what `full` has beyond `without`, each round compared within itself.

    Raises:
        ValueError: they have not run the same rounds.
    """
    return spread([one - other for one, other in zip(full, without, strict=True)])


def rps(samples: Sequence[Sample]) -> Spread:
    """Return how the requests per second of these samples spread."""
    return spread([sample.rps for sample in samples])


def cpu_us(samples: Sequence[Sample]) -> Spread:
    """Return how the microseconds per request of these samples spread."""
    return spread([sample.cpu_us for sample in samples])
