"""Loads the contestants in turn, round after round."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import BenchError, wrk
from benchmarks.cpu import cpu_seconds
from benchmarks.proofs import Watch
from benchmarks.summary import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contestants import Contestant

WARM_UP_SECONDS = 2
"""Until Python has specialized its hot code and pools are full."""

MAX_TOTAL_SECONDS = 3000
"""Our service's tokens live for an hour, and must not end before the rounds do."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where and how long is measured."""

    rounds: int
    seconds: int
    load_core: int
    redis_port: int


def measure(contestant: Contestant, field: Field, *, seconds: int) -> Sample:
    """Load one contestant once.

    Raises:
        BenchError: a request was refused, not counted or not logged.
    """
    watch = Watch(contestant, field.redis_port)
    process = contestant.process
    url = f"{process.url}{contestant.path}"
    used, started = cpu_seconds(process.pid), time.monotonic()
    load = wrk.run(url, contestant.headers, seconds=seconds, core=field.load_core)
    used, elapsed = cpu_seconds(process.pid) - used, time.monotonic() - started
    watch.prove(load)
    return Sample(
        requests=load.requests,
        rps=load.per_second,
        cpu_us=used / load.requests * 1e6,
        busy=used / elapsed,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
    )


def run_rounds(contestants: Sequence[Contestant], field: Field) -> dict[str, list[Sample]]:
    """Warm each contestant up, then load each once a round; return the samples by name.

    Raises:
        BenchError: a figure could not be trusted, or it would all take too long.
    """
    total = len(contestants) * (WARM_UP_SECONDS + field.rounds * field.seconds)
    if total > MAX_TOTAL_SECONDS:
        raise BenchError(f"that takes {total} s, and {MAX_TOTAL_SECONDS} are the most")
    print(f"{len(contestants)} contestants, {field.rounds} rounds: about {total} s", flush=True)
    for contestant in contestants:
        measure(contestant, field, seconds=WARM_UP_SECONDS)
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in contestants}
    for number in range(1, field.rounds + 1):
        for contestant in contestants:
            samples[contestant.name].append(measure(contestant, field, seconds=field.seconds))
        speeds = "  ".join(f"{name} {taken[-1].rps:,.0f}" for name, taken in samples.items())
        print(f"round {number}/{field.rounds}, req/s: {speeds}", flush=True)
    return samples
