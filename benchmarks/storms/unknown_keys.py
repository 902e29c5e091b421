"""Tokens of unknown keys while the issuer is dead, and a visitor whose token is good.

The service trusts another issuer and has its keys; then the issuer's process ends. Fifty tokens
name keys that nobody knows, and each of those could be a new one of the issuer, so each would be a
reason to fetch. Who comes to fetch is counted at a door before the issuer; the visitor, whose key
is known, must not wait for any of it.

One worker: each keeps its own keys and fetches for itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import BenchError
from benchmarks.arena import APPLICATIONS, INHERITED, ROOT
from benchmarks.cpu import cores_of_this_machine
from benchmarks.live import PATIENCE_SECONDS, Ground, Visit, compared, live_service
from benchmarks.processes import DYING_WITH_US, free_port, running
from benchmarks.storms import CONNECTIONS, VISITED, address
from benchmarks.storms.crowd import Lane, Request
from benchmarks.storms.watching import quiet, statuses, stormy
from benchmarks.summary import Spread, waits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.storms.crowd import Answer
    from benchmarks.summary import Waits

ROUNDS = 5
UNKNOWN = 50
AT_ONCE = 10
"""The rest follow, as many each second: a visitor's percentiles take a storm of some seconds."""
BLOCK = 68
MANNERS = ("dies", "stalls")
"""What is found at the issuer's address: nobody, or somebody who never answers."""

ISSUER = "https://issuer.example"
TARGET = 5
"""Fetches in any minute."""


@dataclass(slots=True)
class Issuer:
    """An issuer that has lived: what it issued, and who came to fetch its keys."""

    port: int
    """Of its door."""
    valid: str
    unknown: list[str]
    life: ExitStack
    """Ends its process when it closes; the door stays."""
    came: list[float] = field(default_factory=list)
    """When somebody came; filled when all is over."""

    def settings(self) -> dict[str, str]:
        """Return what the service is told so that it trusts this issuer and has no key itself."""
        return {
            "SERVER__WORKERS": "1",
            "AUTHENTICATION__PRIVATE_KEY_FILE": "",
            "AUTHENTICATION__ISSUER": ISSUER,
            "AUTHENTICATION__JWKS_URL": f"http://127.0.0.1:{self.port}/jwks.json",
        }


@contextmanager
def _door(behind: int, manner: str, core: int, came: list[float]) -> Iterator[int]:
    """Let a door stand before the issuer; give its port, and at the end who came."""
    port = free_port()
    command = ("taskset", "-c", str(core), sys.executable, "-m", "benchmarks.storms.door")
    with subprocess.Popen(
        [*DYING_WITH_US, *command, str(port), str(behind), manner],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - for the type: it is a pipe
        assert process.stdout is not None  # noqa: S101 - the same
        try:
            if process.stdout.readline().strip() != "standing":
                raise BenchError("the issuer's door does not stand")
            yield port
            process.stdin.close()
            came.extend(json.loads(process.stdout.readline() or "[]"))
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()


@contextmanager
def _issuer(python: Path, project: Path, manner: str) -> Iterator[Issuer]:
    """Run an issuer behind its door.

    Raises:
        BenchError: it does not start.
    """
    cores = cores_of_this_machine()
    if cores is None:
        raise BenchError("this takes two cores: one for the service, one for its clients")
    behind = free_port()
    environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environ["PYTHONPATH"] = f"{project}{os.pathsep}{ROOT}"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    came: list[float] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="issuer-")))
        life = stack.enter_context(ExitStack())
        issued = folder / "issued.json"
        command = [str(python), "-m", f"{APPLICATIONS}.issuer", str(behind), str(issued)]
        command += [ISSUER, str(UNKNOWN * ROUNDS)]
        life.enter_context(
            running("issuer", command, core=cores[1], port=behind, environ=environ, folder=folder)
        )
        port = stack.enter_context(_door(behind, manner, cores[1], came))
        tokens = json.loads(issued.read_text(encoding="utf-8"))
        yield Issuer(port, tokens["valid"], tokens["unknown"], life, came)


def lanes(tokens: Sequence[str]) -> list[Lane]:
    """Return the requests with these tokens: some at once, and as many each second after."""
    return [
        Lane(
            address(BLOCK, number),
            [
                Request("GET", VISITED, token=token, at=float(second))
                for second, token in enumerate(tokens[number::AT_ONCE])
            ],
        )
        for number in range(AT_ONCE)
    ]


def most_in_a_minute(moments: Sequence[float]) -> int:
    """Return how many of the moments, at most, lie within one minute."""
    return max((sum(0 <= one - first < 60 for one in moments) for first in moments), default=0)  # noqa: PLR2004 - seconds of a minute


def _rounds(
    ground: Ground, issuer: Issuer, manner: str
) -> tuple[list[Waits], list[Waits], list[Answer]]:
    visits = {"valid": Visit(VISITED, "127.0.0.2", issuer.valid, CONNECTIONS)}
    quiet(ground, visits)  # warms everything up, and fetches the keys
    issuer.life.close()
    calm, stirred, everyone = [], [], []
    for turn in range(ROUNDS):
        calm.append(quiet(ground, visits)["valid"])
        tokens = issuer.unknown[turn * UNKNOWN : (turn + 1) * UNKNOWN]
        waits, answers = stormy(ground, visits, lanes(tokens))
        stirred.append(waits["valid"])
        everyone += answers
        print(
            f"the issuer {manner} {turn + 1}/{ROUNDS}, p99 ms: quiet {calm[-1].p99:.1f}, "
            f"stormy {stirred[-1].p99:.1f}; {statuses(answers)}",
            flush=True,
        )
    return calm, stirred, everyone


def measure(python: Path, project: Path) -> dict[str, Any]:
    """Time the visitor in the quiet and in the storm, for each manner; return the figures.

    Raises:
        BenchError: the service or the issuer did not do what they should.
    """
    found = {}
    for manner in MANNERS:
        with (
            _issuer(python, project, manner) as issuer,
            live_service(python, project, issuer.settings()) as ground,
        ):
            calm, stirred, answers = _rounds(ground, issuer, manner)
        found[manner] = figures(calm, stirred, answers, issuer.came)
    return found


def figures(
    calm: Sequence[Waits],
    stirred: Sequence[Waits],
    answers: Sequence[Answer],
    came: Sequence[float],
) -> dict[str, Any]:
    """Return what goes into `bench.json` of one manner."""
    return {
        **compared(calm, stirred, "stormy"),
        "unknown_keys": len(answers),
        "statuses": statuses(answers),
        "refusal_p99_ms": waits_of([one.waited_ms for one in answers]).p99,
        "fetches": len(came),
        "most_fetches_in_a_minute": most_in_a_minute(came),
        "target": TARGET,
    }


def said(found: dict[str, Any]) -> list[str]:
    """Return the figures as a line for each manner."""
    lines = []
    for manner, one in found.items():
        ratio = Spread(**one["p99"]["ratio"])
        lines.append(
            f"the issuer {manner}, {one['unknown_keys']} tokens of unknown keys: at most "
            f"{one['most_fetches_in_a_minute']} fetches in a minute (target: {one['target']}), "
            f"{one['fetches']} in all; a valid token's p99 {one['p99']['quiet_ms']['median']:.1f} "
            f"ms in the quiet, {one['p99']['stormy_ms']['median']:.1f} ms in the storm: "
            f"{ratio.median:.2f} times (by round {ratio.least:.2f}-{ratio.most:.2f})"
        )
    return lines
