"""The whole service, nginx and all, on one core, and those who ask it on the other.

For what is about a client's patience: the siege and the storms. Every asker is a process of its
own, so that none waits for another.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import SERVICE_NAME, BenchError
from benchmarks.arena import APPLICATIONS, INHERITED, ROOT
from benchmarks.cpu import cores_of_this_machine
from benchmarks.processes import DYING_WITH_US, free_port, running
from benchmarks.summary import ratio_by_round, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.summary import Waits

PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the service runs, and how it is asked."""

    port: int
    ca: Path
    load_core: int

    def command(self, module: str, *arguments: str) -> list[str]:
        """Return how one of our modules is run against the service, on the core of the load."""
        pinned = (*DYING_WITH_US, "taskset", "-c", str(self.load_core), sys.executable, "-m")
        return [*pinned, f"benchmarks.{module}", str(self.port), str(self.ca), *arguments]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a steady visitor asks for, and from which loopback address."""

    path: str
    address: str = "127.0.0.1"
    token: str | None = None
    connections: int = 1
    """Which take turns."""


@contextmanager
def visited(ground: Ground, visit: Visit) -> Iterator[list[tuple[float, float]]]:
    """Let a visitor ask for as long as the block lasts.

    When it is over, the list holds each moment at which it was to ask (seconds of the monotonic
    clock, which all processes share) and how long it then waited (milliseconds).

    Raises:
        BenchError: a request of its was not answered with success.
    """
    waits: list[tuple[float, float]] = []
    with subprocess.Popen(
        ground.command("visitor"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - for the type: it is a pipe
        assert process.stdout is not None  # noqa: S101 - the same
        try:
            process.stdin.write(json.dumps(asdict(visit)) + "\n")
            process.stdin.flush()
            if process.stdout.readline().strip() != "asking":
                raise BenchError(f"the visitor could not ask for {visit.path}")
            yield waits
            process.stdin.close()
            said = process.stdout.readline()
            if process.wait(PATIENCE_SECONDS) != 0 or not said:
                raise BenchError(f"the visitor was not answered as it should be: {visit.path}")
            waits.extend((due, waited) for due, waited in json.loads(said))
        finally:
            process.kill()


@contextmanager
def live_service(
    python: Path, project: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Ground]:
    """Run the whole service; settings go over those it is given, and an empty one takes it away.

    Raises:
        BenchError: there are not two cores, or it does not answer.
    """
    cores = cores_of_this_machine()
    if cores is None:
        raise BenchError("this takes two cores: one for the service, one for its clients")
    port = free_port()
    environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environ["PYTHONPATH"] = f"{project}{os.pathsep}{ROOT}"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    given = [f"{name}={value}" for name, value in (settings or {}).items()]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        folder = Path(scratch)
        command = [str(python), "-m", f"{APPLICATIONS}.service", scratch, str(port), *given]
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


def compared(quiet: Sequence[Waits], troubled: Sequence[Waits], trouble: str) -> dict[str, Any]:
    """Return how far waits spread in the quiet and in trouble, and their ratio within a round."""
    found = {}
    for name in ("p50", "p99"):
        calm = [getattr(one, name) for one in quiet]
        stirred = [getattr(one, name) for one in troubled]
        found[name] = {
            "quiet_ms": asdict(spread(calm)),
            f"{trouble}_ms": asdict(spread(stirred)),
            "ratio": asdict(ratio_by_round(stirred, calm)),
        }
    return found
