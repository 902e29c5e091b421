"""Runs the service, the visitor and the besiegers, and turns waits into the figure."""

from __future__ import annotations

import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import BenchError
from benchmarks.arena import APPLICATIONS, INHERITED, ROOT
from benchmarks.cpu import cores_of_this_machine
from benchmarks.processes import DYING_WITH_US, free_port, output_of, running
from benchmarks.siege import SERVICE_NAME, SIEGE
from benchmarks.summary import Spread, ratio_by_round, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROUNDS = 5
SECONDS = 6
TARGET = 3.0
"""How many times its quiet p99 a good client may wait at most."""

LEAST_SHARE = 0.8
"""Of the siege, at every look: some are always just being closed and opened again."""

PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the visitor waited, in milliseconds."""

    p50: float
    p99: float
    requests: int


def waits_of(times: Sequence[float]) -> Waits:
    """Return the percentiles of at least two waits, in milliseconds."""
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return Waits(cuts[49], cuts[98], len(times))


@dataclass(frozen=True, slots=True)
class Ground:
    """Where it all happens."""

    port: int
    ca: Path
    load_core: int

    def command(self, module: str, *arguments: str) -> list[str]:
        """Return how a module of the siege is run, on the core of the load."""
        pinned = (*DYING_WITH_US, "taskset", "-c", str(self.load_core), sys.executable, "-m")
        return [*pinned, f"benchmarks.siege.{module}", str(self.port), str(self.ca), *arguments]

    def visit(self) -> Waits:
        """Let the visitor ask for a while.

        Raises:
            CommandError: a request of its was not answered with success.
        """
        command = self.command("visitor", str(SECONDS))
        said = output_of(command, seconds=SECONDS + PATIENCE_SECONDS, folder=ROOT)
        return waits_of(json.loads(said))

    @contextmanager
    def besieged(self) -> Iterator[dict[str, int]]:
        """Keep up a siege; what stood of it is in the dictionary when it is over.

        Raises:
            BenchError: it did not come to stand.
        """
        stood: dict[str, int] = {}
        with subprocess.Popen(
            ["nice", *self.command("besiegers")],
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


@contextmanager
def _service(python: Path, project: Path) -> Iterator[Ground]:
    cores = cores_of_this_machine()
    if cores is None:
        raise BenchError("a siege takes two cores: one for the service, one for its clients")
    port = free_port()
    environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environ["PYTHONPATH"] = f"{project}{os.pathsep}{ROOT}"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryDirectory(prefix="siege-") as scratch:
        folder = Path(scratch)
        command = [str(python), "-m", f"{APPLICATIONS}.service", scratch, str(port)]
        with running("service", command, core=cores[0], port=port, environ=environ, folder=folder):
            ground = Ground(port, folder / "ca.pem", cores[1])
            _wait_until_it_answers(ground)
            yield ground


def _wait_until_it_answers(ground: Ground) -> None:
    context = ssl.create_default_context(cafile=str(ground.ca))
    deadline = time.monotonic() + PATIENCE_SECONDS
    url = f"https://{SERVICE_NAME}:{ground.port}/healthz"
    asked = urllib.request.Request(url, headers={"User-Agent": "benchmarks/1.0"})
    while True:
        try:
            urllib.request.urlopen(asked, timeout=5, context=context).close()  # noqa: S310 - https
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchError(f"the service does not answer: {error}") from error
            time.sleep(0.1)
        else:
            return


def measure_siege(python: Path, project: Path) -> dict[str, Any]:
    """Time the visitor in the quiet and under siege, round after round; return the figures.

    Raises:
        BenchError: the service, the visitor or the siege did not do what they should.
    """
    quiet, under, stood = [], [], []
    with _service(python, project) as ground:
        ground.visit()  # warms everything up
        for number in range(1, ROUNDS + 1):
            quiet.append(ground.visit())
            with ground.besieged() as least:
                under.append(ground.visit())
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

    def of(pick: str) -> dict[str, Any]:
        calm = [getattr(one, pick) for one in quiet]
        besieged = [getattr(one, pick) for one in under]
        return {
            "quiet_ms": asdict(spread(calm)),
            "besieged_ms": asdict(spread(besieged)),
            "ratio": asdict(ratio_by_round(besieged, calm)),
        }

    return {
        "p50": of("p50"),
        "p99": of("p99"),
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
