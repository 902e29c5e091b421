"""The pure parts of the flood's figure."""

from __future__ import annotations

from dataclasses import asdict

from benchmarks import flood
from benchmarks.summary import Spread


def _same(value: float) -> dict[str, float]:
    return asdict(Spread(value, value, value))


def test_the_figures_are_said_with_their_targets() -> None:
    found = {
        "served_rps": _same(700),
        "refused_rps": _same(7000),
        "ratio": asdict(Spread(10, 9.4, 10.6)),
        "served_cpu_us": _same(1375),
        "refused_cpu_us": _same(141),
        "target": flood.TARGET_RATIO,
        "paused_worst_ms": asdict(Spread(8.8, 6.9, 9.8)),
        "paused_target_ms": flood.TARGET_MS,
    }
    rates, waits = flood.said(found).splitlines()
    assert rates == (
        "a flood over its limit: 7,000 refusals/s where 700 requests/s are served: 10.0 times "
        "(by round 9.4-10.6), CPU 141 for 1375 µs; target: at least 4"
    )
    assert waits == "/healthz while Redis hangs, worst: 8.8 ms (6.9-9.8); target: below 50"
