"""Puts what was measured into tables for people and into JSON for machines."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.summary import cpu_us, difference_by_round, ratio_by_round, rps, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.summary import Sample, Spread

CALM = 0.9
"""A server under full load has its core for nearly all of the time, unless others use it too."""

BUDGETS = {
    "headers": 2,
    "cors": 4,
    "rate_limits": 20,
    "bots": 3,
    "identity": 8,
    "authentication": 6,
    "authorization": 2,
    "logs": 20,
}
"""Microseconds of a request that the project allows a layer."""


def _range(values: Spread, digits: int) -> str:
    return f"{values.least:,.{digits}f}-{values.most:,.{digits}f}"


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *others = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def table(samples: Mapping[str, Sequence[Sample]], titles: Mapping[str, str]) -> str:
    """Return the contestants as a table; `bare` must be among them."""
    bare = rps(samples["bare"]).median
    heads = ["", "req/s", "min-max", "of bare", "CPU µs/req", "min-max", "p50 ms", "p99 ms", "busy"]
    rows = [heads]
    for name, taken in samples.items():
        speed, cost = rps(taken), cpu_us(taken)
        rows.append(
            [
                titles[name],
                f"{speed.median:,.0f}",
                _range(speed, 0),
                f"{speed.median / bare:.2f}",
                f"{cost.median:,.0f}",
                _range(cost, 0),
                f"{spread([sample.p50_ms for sample in taken]).median:.1f}",
                f"{spread([sample.p99_ms for sample in taken]).median:.1f}",
                f"{spread([sample.busy for sample in taken]).median:.2f}",
            ]
        )
    return _align(rows)


def headline(figures: Mapping[str, Any]) -> str:
    """Return the two ratios that the table is for, in a sentence each."""
    rounds = figures["ratios_by_round"]
    return "\n".join(
        f"ours is {figures[name]:.2f} of {of} "
        f"(by round {rounds[name]['least']:.2f}-{rounds[name]['most']:.2f})"
        for name, of in (
            ("hardened_over_bare", "bare FastAPI"),
            ("hardened_over_usual", "the usual stack"),
        )
    )


def warnings(samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    """Return a line when some requests per second are not to be trusted, naming whose."""
    least = {name: min(sample.busy for sample in taken) for name, taken in samples.items()}
    kept_off = [f"{name} {busy:.2f}" for name, busy in least.items() if busy < CALM]
    if not kept_off:
        return []
    return [
        (
            f"note: not busy throughout: {', '.join(kept_off)}. Others had the core, the load "
            "could not keep up, or the server blocks while it waits; CPU per request then says "
            "more than req/s"
        )
    ]


def figures(samples: Mapping[str, Sequence[Sample]], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes into `bench.json`; `bare`, `usual` and `hardened` must be among them."""
    speeds = {name: [sample.rps for sample in taken] for name, taken in samples.items()}
    medians = {name: rps(taken).median for name, taken in samples.items()}
    pairs = {
        "hardened_over_bare": ("hardened", "bare"),
        "hardened_over_usual": ("hardened", "usual"),
    }
    return {
        **{f"{name}_rps": round(median, 1) for name, median in medians.items()},
        **{name: round(medians[a] / medians[b], 4) for name, (a, b) in pairs.items()},
        "cpu_us_per_request": {
            name: round(cpu_us(taken).median, 1) for name, taken in samples.items()
        },
        "ratios_by_round": {
            name: asdict(ratio_by_round(speeds[a], speeds[b])) for name, (a, b) in pairs.items()
        },
        "spread": {
            name: {"rps": asdict(rps(taken)), "cpu_us": asdict(cpu_us(taken))}
            for name, taken in samples.items()
        },
        **about,
        "samples": {name: [asdict(sample) for sample in taken] for name, taken in samples.items()},
    }


def layer_costs(samples: Mapping[str, Sequence[Sample]]) -> dict[str, Spread]:
    """Return what each layer costs, dearest first; see `layers.py` for what is compared.

    `full` and `anyone` must be among the samples; the others are named for the mount left out.
    """
    spent = {name: [sample.cpu_us for sample in taken] for name, taken in samples.items()}
    full, anyone = spent.pop("full"), spent.pop("anyone")
    costs = {name: difference_by_round(anyone, without) for name, without in spent.items()}
    costs["identity"] = difference_by_round(full, anyone)
    return dict(sorted(costs.items(), key=lambda item: -item[1].median))


def own_work_table(rounds: Mapping[str, Sequence[float]]) -> str:
    """Return what each layer takes by itself, and how the middle eight tenths of rounds spread."""
    rows = [["layer by itself", "CPU µs/req", "10 %-90 %", "budget"]]
    for name, taken in rounds.items():
        low, *_, high = statistics.quantiles(taken, n=10)
        budget = str(BUDGETS.get(name, ""))
        rows.append([name, f"{statistics.median(taken):.2f}", f"{low:.2f} … {high:.2f}", budget])
    return _align(rows)


def layer_table(samples: Mapping[str, Sequence[Sample]]) -> str:
    """Return the layers as a table, dearest first, and what all of them leave to compare with."""
    rows = [["layer", "CPU µs/req", "min-max", "budget"]]
    for name, cost in layer_costs(samples).items():
        budget = BUDGETS.get(name)
        low_high = f"{cost.least:+.1f} … {cost.most:+.1f}"
        rows.append([name, f"{cost.median:+.1f}", low_high, "" if budget is None else str(budget)])
    for name, title in (("anyone", "all but identity"), ("full", "all")):
        whole = cpu_us(samples[name])
        rows.append([title, f"{whole.median:.1f}", f"{whole.least:.1f} … {whole.most:.1f}", ""])
    return _align(rows)
