"""Runs wrk, Debian's load generator, and reads what it prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.processes import output_of

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTIONS = 32
"""Kept alive, enough that the server is never idle while wrk reads an answer."""

GRACE_SECONDS = 30
"""How much longer than asked wrk may run before it is stopped."""

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = rf"([\d.]+)({'|'.join(_UNITS)})"
_TOTAL = re.compile(rf"^\s*(\d+) requests in {_DURATION},", re.MULTILINE)
_PERCENTILE = re.compile(rf"^\s*(50|99)%\s+{_DURATION}\s*$", re.MULTILINE)
_REFUSED = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
_SOCKET = re.compile(
    r"^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", re.MULTILINE
)


class UnreadableError(Exception):
    """The output is not what wrk prints after a run."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw."""

    requests: int
    """Answers received, whatever their status."""
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    """Answers with a status of 400 or more."""
    socket_errors: int
    """Connections, reads and writes that failed, and answers that took over two seconds."""

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def parse(output: str) -> Load:
    """Return what wrk printed with `--latency`.

    Raises:
        UnreadableError: the totals or a percentile are missing, or no time has passed.
    """
    total = _TOTAL.search(output)
    percentiles = {
        rank: float(value) * _UNITS[unit] * 1000
        for rank, value, unit in _PERCENTILE.findall(output)
    }
    if total is None or set(percentiles) != {"50", "99"}:
        raise UnreadableError(f"wrk printed no result:\n{output.strip()}")
    seconds = float(total[2]) * _UNITS[total[3]]
    if seconds <= 0:
        raise UnreadableError(f"wrk measured no time:\n{output.strip()}")
    refused = _REFUSED.search(output)
    socket = _SOCKET.search(output)
    return Load(
        requests=int(total[1]),
        seconds=seconds,
        p50_ms=percentiles["50"],
        p99_ms=percentiles["99"],
        refused=int(refused[1]) if refused else 0,
        socket_errors=sum(map(int, socket.groups())) if socket else 0,
    )


def run(url: str, headers: Mapping[str, str], *, seconds: int, core: int) -> Load:
    """Load the URL from one thread on the given core, and return what came of it.

    Raises:
        UnreadableError: wrk could not do it.
        CommandError: wrk failed or hung.
    """
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", str(core), "wrk", "--latency", "-t1", f"-c{CONNECTIONS}"]
    output = output_of([*command, f"-d{seconds}s", *given, url], seconds=seconds + GRACE_SECONDS)
    return parse(output)
