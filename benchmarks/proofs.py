"""What a contestant proves before it is measured, and its load after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import BenchError
from benchmarks.contestants import ask
from benchmarks.counters import forget, require_counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.contestants import Contestant
    from benchmarks.processes import Process
    from benchmarks.wrk import Load

FLUSH_SECONDS = 5
"""How long the last log lines may take to reach their file."""

FORBIDDEN: tuple[tuple[Mapping[str, str], int], ...] = (
    ({"X-Forwarded-Proto": "http"}, 403),
    ({"Host": "elsewhere.example"}, 421),
    ({"Origin": "https://elsewhere.example"}, 403),
    ({"User-Agent": "sqlmap/1.8"}, 403),
    ({"Content-Encoding": "gzip"}, 415),
)
"""One header that makes the request of the load one to refuse, and the status that it then gets."""


def spoil_signature(token: str) -> str:
    """Return the token with one character in the middle of its signature changed."""
    body, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{body}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def prove_answer(contestant: Contestant) -> None:
    """See to it that the request of the load is answered as it should be.

    Raises:
        BenchError: another status or another body.
    """
    status, body = ask(contestant.process, "GET", contestant.path, contestant.headers)
    said = body if isinstance(body, dict) else {}
    if status != 200 or any(said.get(key) != value for key, value in contestant.expected.items()):  # noqa: PLR2004
        raise BenchError(f"{contestant.name} should have answered, and said {status} {body}")


def prove_refusal(contestant: Contestant, headers: Mapping[str, str], expected: int) -> None:
    """See to it that a request with these headers is refused: the defence is there.

    Raises:
        BenchError: it got another status.
    """
    status, _ = ask(contestant.process, "GET", contestant.path, headers)
    if status != expected:
        raise BenchError(f"{contestant.name} should have refused with {expected}, not {status}")


def prove_authentication(contestant: Contestant) -> None:
    """See to it that the endpoint takes neither no token nor one whose signature is spoilt.

    Raises:
        BenchError: it does.
    """
    anonymous = {
        name: value for name, value in contestant.headers.items() if name != "Authorization"
    }
    spoilt = spoil_signature(contestant.headers["Authorization"])
    prove_refusal(contestant, anonymous, 401)
    prove_refusal(contestant, {**anonymous, "Authorization": spoilt}, 401)


def prove_layers(contestant: Contestant) -> None:
    """See to it that the layers refuse what is theirs to refuse, all else being as it should be.

    Raises:
        BenchError: one does not; it is not mounted, or does not work.
    """
    for changed, expected in FORBIDDEN:
        prove_refusal(contestant, {**contestant.headers, **changed}, expected)


def _lines(process: Process) -> int:
    with process.log.open("rb") as log:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: log.read(1 << 20), b""))


def _prove_logged(contestant: Contestant, requests: int) -> None:
    deadline = time.monotonic() + FLUSH_SECONDS
    while (lines := _lines(contestant.process)) < requests:
        if time.monotonic() > deadline:
            raise BenchError(f"{contestant.name} answered {requests} requests and logged {lines}")
        time.sleep(0.05)


class Watch:
    """Clears a contestant's traces before a load, so as to judge the load by them afterwards."""

    def __init__(self, contestant: Contestant, redis_port: int) -> None:
        self.contestant = contestant
        self.redis_port = redis_port
        # The log is opened for appending, so it can be emptied under the server: a long run of
        # rounds would fill the disk otherwise.
        contestant.process.log.write_bytes(b"")
        forget(redis_port)

    def prove(self, load: Load) -> None:
        """See to it that every request was answered with success, counted and logged.

        Raises:
            BenchError: some were not, so the figures are worth nothing.
        """
        name = self.contestant.name
        if load.refused or load.socket_errors or not load.requests:
            raise BenchError(
                f"{name}: of {load.requests} answers {load.refused} were refusals, "
                f"and {load.socket_errors} connections failed"
            )
        if self.contestant.logs:
            _prove_logged(self.contestant, load.requests)
        if self.contestant.counters is not None:
            require_counted(
                name,
                port=self.redis_port,
                pattern=self.contestant.counters,
                requests=load.requests,
            )
