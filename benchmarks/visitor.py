"""A steady visitor: `python -m benchmarks.visitor PORT CA`, until its input ends.

The first line of its input says what it asks for, as JSON: a path, an address of its own, perhaps a
token, and over how many connections. It writes a line when it starts, and at the end its waits.

It asks when it is time to, whether or not the last answer was late, and counts from that moment: a
client that waits before it asks again would hide every delay but the first (coordinated omission).
Over several connections, which take turns, a late answer does not make the next one late as well.
Every tenth request of one opens it anew, for a siege is felt at the door.
"""

from __future__ import annotations

import gc
import http.client
import json
import select
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from benchmarks import SERVICE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PER_SECOND = 60
"""Below nginx's limit of a hundred for one address."""

FRESH_EVERY = 10
PATIENCE_SECONDS = 10
LONGEST_SECONDS = 120
"""Whatever happens to whoever started us, we end."""


def visit(
    connection: http.client.HTTPConnection,
    asked: Mapping[str, Any],
    turn: int,
    is_over: Callable[[], bool],
) -> list[tuple[float, float]]:
    """Ask at a steady pace, in turn with the other connections.

    Returns:
        when each request was due, in seconds, and its wait in milliseconds.

    Raises:
        RuntimeError: an answer was no success.
        OSError: there was no answer.
        http.client.HTTPException: there was no whole answer.
    """
    headers = {"User-Agent": "benchmarks/1.0"}
    if asked["token"]:
        headers["Authorization"] = f"Bearer {asked['token']}"
    waits: list[tuple[float, float]] = []
    pause = asked["connections"] / PER_SECOND
    started = time.monotonic() + turn / PER_SECOND
    while not is_over() and len(waits) * pause < LONGEST_SECONDS:
        due = started + len(waits) * pause
        time.sleep(max(0.0, due - time.monotonic()))
        if len(waits) % FRESH_EVERY == 0:
            connection.close()
        connection.request("GET", asked["path"], headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"the visitor got {answer.status}")
        waits.append((due, (time.monotonic() - due) * 1000))
    connection.close()
    return waits


def _has_input_ended() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main(port: int, ca: str) -> None:
    """Visit as the first line says, and print the waits."""
    asked = json.loads(sys.stdin.readline())
    context = ssl.create_default_context(cafile=ca)

    def walk(turn: int) -> list[tuple[float, float]]:
        source = (asked["address"], 0)
        connection = http.client.HTTPSConnection(
            SERVICE_NAME, port, timeout=PATIENCE_SECONDS, source_address=source, context=context
        )
        return visit(connection, asked, turn, _has_input_ended)

    with ThreadPoolExecutor(asked["connections"]) as lanes:
        visits = [lanes.submit(walk, turn) for turn in range(asked["connections"])]
        print("asking", flush=True)
        found = sorted(one for each in visits for one in each.result())
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    gc.disable()  # its pauses would be ours, not the service's
    main(int(sys.argv[1]), sys.argv[2])
