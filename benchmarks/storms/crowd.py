"""A crowd: `python -m benchmarks.storms.crowd PORT CA` sends what its input says, and ends.

The input is JSON: lanes, each an address and requests. A lane is one client with one connection; it
sends one request after another, each not before its moment. All lanes begin at once. The output is
JSON: for each request when it was sent and answered, the status and the answer.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import SERVICE_NAME, BenchError
from benchmarks.arena import ROOT
from benchmarks.processes import output_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.live import Ground

PATIENCE_SECONDS = 60
LONGEST_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a lane."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    token: str | None = None
    at: float = 0.0
    """Seconds after the crowd's beginning, before which it is not sent."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One client: its address, and what it sends over its connection."""

    address: str
    requests: list[Request] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request; the moments are seconds of the monotonic clock."""

    sent: float
    answered: float
    status: int
    body: Any

    @property
    def waited_ms(self) -> float:
        """How long it took."""
        return (self.answered - self.sent) * 1000


def send(ground: Ground, lanes: Sequence[Lane]) -> list[Answer]:
    """Send all lanes in a process of its own; return the answers, lane by lane.

    Raises:
        CommandError: a request was not answered at all.
    """
    said = output_of(
        ["nice", *ground.command("storms.crowd")],
        seconds=LONGEST_SECONDS,
        folder=ROOT,
        given=json.dumps([asdict(lane) for lane in lanes]),
    )
    return [Answer(*one) for one in json.loads(said)]


def require(answers: Sequence[Answer], status: int, what: str) -> None:
    """See to it that all were answered with this status.

    Raises:
        BenchError: one was not.
    """
    others = sorted({one.status for one in answers} - {status})
    if others:
        raise BenchError(f"{what} should have been answered with {status}, not {others}")


def walk(
    lane: dict[str, Any], connection: http.client.HTTPConnection, begun: float
) -> list[tuple[float, float, int, Any]]:
    """Send a lane's requests in turn; return what `Answer` holds of each.

    Raises:
        OSError: one was not answered.
        http.client.HTTPException: one was not wholly answered.
    """
    found = []
    for request in lane["requests"]:
        time.sleep(max(0.0, begun + request["at"] - time.monotonic()))
        headers = {"User-Agent": "benchmarks/1.0"}
        body = None
        if request["body"] is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(request["body"])
        if request["token"] is not None:
            headers["Authorization"] = f"Bearer {request['token']}"
        sent = time.monotonic()
        connection.request(request["method"], request["path"], body=body, headers=headers)
        response = connection.getresponse()
        content = response.read()
        is_json = "json" in (response.getheader("Content-Type") or "")
        answer = json.loads(content) if is_json else None
        found.append((sent, time.monotonic(), response.status, answer))
    connection.close()
    return found


def storm(
    lanes: Sequence[dict[str, Any]], connect: Callable[[str], http.client.HTTPConnection]
) -> list[tuple[float, float, int, Any]]:
    """Walk all lanes at once; return what came of their requests, lane by lane.

    Raises:
        RuntimeError: a request was not answered.
    """
    begun = time.monotonic()
    found: list[list[tuple[float, float, int, Any]] | Exception] = [[] for _ in lanes]

    def walk_one(number: int, lane: dict[str, Any]) -> None:
        try:
            found[number] = walk(lane, connect(lane["address"]), begun)
        except (OSError, http.client.HTTPException, ValueError) as error:
            found[number] = error

    threads = [
        threading.Thread(target=walk_one, args=(number, lane), daemon=True)
        for number, lane in enumerate(lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = []
    for one in found:
        if isinstance(one, Exception):
            raise RuntimeError(f"a request was not answered: {one!r}") from one  # noqa: TRY004 - no type was expected
        answers += one
    return answers


def main(port: int, ca: str) -> None:
    """Send what the input says, and print what came of it."""
    context = ssl.create_default_context(cafile=ca)

    def connect(address: str) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(
            SERVICE_NAME,
            port,
            timeout=PATIENCE_SECONDS,
            source_address=(address, 0),
            context=context,
        )

    print(json.dumps(storm(json.load(sys.stdin), connect)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
