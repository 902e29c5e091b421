"""`python -m benchmarks`: measures, prints the tables, writes the figures.

Ends with 0, or with 1 and one clear line when nothing can be measured or a figure can't be trusted.
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import BenchError
from benchmarks.arena import ROOT, open_arena
from benchmarks.flood import measure_flood
from benchmarks.flood import said as flood_said
from benchmarks.layers import own_work, variants
from benchmarks.lineup import TITLES, line_up
from benchmarks.report import (
    figures,
    headline,
    layer_costs,
    layer_table,
    own_work_table,
    table,
    warnings,
)
from benchmarks.rounds import Field, run_rounds
from benchmarks.siege import figure as siege
from benchmarks.storms import figure as storms
from benchmarks.summary import spread
from benchmarks.tools import require_tools
from benchmarks.wrk import CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_ROUNDS = 50
MAX_SECONDS = 30
"""Together with the token's life of an hour they bound a run."""


def _between(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
        return number

    return parse


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--project", type=Path, required=True, help="a generated project")
    parser.add_argument("--python", type=Path, help="its Python; PROJECT/.venv/bin/python")
    parser.add_argument("--rounds", type=_between(1, MAX_ROUNDS), default=5)
    parser.add_argument("--seconds", type=_between(1, MAX_SECONDS), default=4, help="of one load")
    parser.add_argument("--layers", action="store_true", help="also what each layer costs")
    parser.add_argument("--flood", action="store_true", help="also what a refused flood costs")
    parser.add_argument("--siege", action="store_true", help="also a good client's patience")
    parser.add_argument("--storms", action="store_true", help="also storms on what knows users")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json")
    given = parser.parse_args(argv)
    given.project = given.project.resolve()
    # Not resolved: a virtual environment's Python is a link, and knows its packages by its place.
    given.python = (given.python or given.project / ".venv" / "bin" / "python").absolute()
    return given


def _require_project(given: argparse.Namespace) -> None:
    if not (given.project / "app" / "main.py").is_file():
        raise BenchError(f"{given.project} is no generated project")
    if not given.python.is_file():
        raise BenchError(f"{given.python} is not there; run `make install` in the project first")


def _machine() -> dict[str, str]:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {"cpu": names[0] if names else "unknown", "kernel": platform.release()}


def _contest(given: argparse.Namespace) -> dict[str, Any]:
    """Measure the contestants, print their table and return the figures."""
    with open_arena(given.python, given.project) as arena:
        about = {
            "rounds": given.rounds,
            "seconds": given.seconds,
            "connections": CONNECTIONS,
            "versions": arena.versions(),
            "machine": _machine(),
        }
        field = Field(given.rounds, given.seconds, arena.load_core, arena.redis.port)
        samples = run_rounds(line_up(arena), field)
    found = figures(samples, about)
    print("", table(samples, TITLES), "", headline(found), *warnings(samples), sep="\n")
    return found


def _layers(given: argparse.Namespace) -> dict[str, Any]:
    """Measure the layers, print their tables and return the figures."""
    print("\nlayer by layer: the whole stack, and the stack without one", flush=True)
    with open_arena(given.python, given.project) as arena:
        field = Field(given.rounds, given.seconds, arena.load_core, arena.redis.port)
        samples = run_rounds(variants(arena), field)
        by_itself = own_work(arena)
    print("", layer_table(samples), *warnings(samples), "", own_work_table(by_itself), sep="\n")
    return {
        "layers_cpu_us": {name: asdict(cost) for name, cost in layer_costs(samples).items()},
        "layers_own_us": {name: asdict(spread(taken)) for name, taken in by_itself.items()},
    }


def _flood(given: argparse.Namespace) -> dict[str, Any]:
    """Flood the service, let Redis hang, print what that costs and return the figures."""
    print("\nunder a flood that is refused, and while Redis hangs", flush=True)
    with open_arena(given.python, given.project) as arena:
        field = Field(given.rounds, given.seconds, arena.load_core, arena.redis.port)
        found = measure_flood(arena, field)
    print("", flood_said(found), sep="\n")
    return found


def _siege(given: argparse.Namespace) -> dict[str, Any]:
    """Besiege the whole service, print how long a good client waits and return the figures."""
    print("\nunder siege: the whole service behind nginx", flush=True)
    found = siege.measure_siege(given.python, given.project)
    print("", siege.said(found), sep="\n")
    return found


def _storms(given: argparse.Namespace) -> dict[str, Any]:
    """Let the storms come, print what others felt of them and return the figures."""
    print("\nin storms: the whole service behind nginx", flush=True)
    found = storms.measure_storms(given.python, given.project)
    print("", storms.said(found), sep="\n")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what the arguments ask for; return the exit status."""
    given = _arguments(argv)
    # So that being terminated unwinds the stack, and no server outlives us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _require_project(given)
        require_tools(given.project)
        found = _contest(given)
        if given.layers:
            found |= _layers(given)
        if given.flood:
            found["flood"] = _flood(given)
        if given.siege:
            found["siege"] = _siege(given)
        if given.storms:
            found["storms"] = _storms(given)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 130
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {given.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
