"""Runs the service, the visitor and the besiegers, and turns waits into the figure."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks import BenchError
from benchmarks.arena import ROOT
from benchmarks.live import Ground, Visit, compared, live_service, visited
from benchmarks.siege import SIEGE
from benchmarks.summary import Spread, Waits, waits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ROUNDS = 5
SECONDS = 6
TARGET = 3.0
"""How many times its quiet p99 a good client may wait at most."""

LEAST_SHARE = 0.8
"""Of the siege, at every look: some are always just being closed and opened again."""


def _visit(ground: Ground) -> Waits:
    """Let the visitor ask for a while.

    Raises:
        BenchError: a request of its was not answered with success.
    """
    with visited(ground, Visit("/healthz")) as waits:
        time.sleep(SECONDS)
    return waits_of([waited for _, waited in waits])


@contextmanager
def besieged(ground: Ground) -> Iterator[dict[str, int]]:
    """Keep up a siege; what stood of it is in the dictionary when it is over.

    Raises:
        BenchError: it did not come to stand.
    """
    stood: dict[str, int] = {}
    with subprocess.Popen(
        ["nice", *ground.command("siege.besiegers")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - for the type: it is a pipe
        assert process.stdout is not None  # noqa: S101 - the same
        try:
            if process.stdout.readline().strip() != "standing":
                raise BenchError("the siege did not come to stand")
            yield stood
            process.stdin.close()
            stood.update(json.loads(process.stdout.readline() or "{}"))
        finally:
            process.kill()


def require_siege(stood: dict[str, int]) -> None:
    """Refuse figures of a siege that was none.

    Raises:
        BenchError: too few of a kind stood at some moment.
    """
    for kind, wanted in SIEGE.items():
        if stood.get(kind, 0) < LEAST_SHARE * wanted:
            raise BenchError(f"of {wanted} {kind} only {stood.get(kind, 0)} stood")


def measure_siege(python: Path, project: Path) -> dict[str, Any]:
    """Time the visitor in the quiet and under siege, round after round; return the figures.

    Raises:
        BenchError: the service, the visitor or the siege did not do what they should.
    """
    quiet, under, stood = [], [], []
    with live_service(python, project) as ground:
        _visit(ground)  # warms everything up
        for number in range(1, ROUNDS + 1):
            quiet.append(_visit(ground))
            with besieged(ground) as least:
                under.append(_visit(ground))
            require_siege(least)
            stood.append(least)
            print(
                f"round {number}/{ROUNDS}, p99 ms: quiet {quiet[-1].p99:.1f}, "
                f"besieged {under[-1].p99:.1f}",
                flush=True,
            )
    return figures(quiet, under, stood)


def figures(
    quiet: Sequence[Waits], under: Sequence[Waits], stood: Sequence[dict[str, int]]
) -> dict[str, Any]:
    """Return what goes into `bench.json`, of as many rounds in the quiet as under siege."""
    return {
        **compared(quiet, under, "besieged"),
        "requests_a_visit": quiet[0].requests,
        "wanted": SIEGE,
        "stood_at_least": {kind: min(one[kind] for one in stood) for kind in SIEGE},
        "target": TARGET,
    }


def said(found: dict[str, Any]) -> str:
    """Return the figures as two lines for people."""
    lines = []
    for name in ("p50", "p99"):
        ratio = Spread(**found[name]["ratio"])
        lines.append(
            f"a good client's {name}: {found[name]['quiet_ms']['median']:.1f} ms in the quiet, "
            f"{found[name]['besieged_ms']['median']:.1f} ms under siege: {ratio.median:.2f} times "
            f"(by round {ratio.least:.2f}-{ratio.most:.2f})"
        )
    return "\n".join([*lines, f"target for p99: below {found['target']:.0f} times"])
