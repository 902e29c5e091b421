"""The visitor: `python -m benchmarks.siege.visitor PORT CA SECONDS` prints its waits as JSON.

It asks when it is time to, whether or not the last answer was late, and counts from that moment: a
client that waits before it asks again would hide every delay but the first (coordinated omission).
Every tenth request opens a connection anew, for a siege is felt at the door.
"""

from __future__ import annotations

import gc
import http.client
import json
import ssl
import sys
import time

from benchmarks.siege import SERVICE_NAME

PER_SECOND = 60
"""Below nginx's limit of a hundred for one address."""

FRESH_EVERY = 10
PATIENCE_SECONDS = 10


def visit(port: int, ca: str, seconds: float) -> list[float]:
    """Ask at a steady pace; return the waits in milliseconds.

    Raises:
        RuntimeError: an answer was no success.
        OSError: there was no answer.
        http.client.HTTPException: there was no whole answer.
    """
    context = ssl.create_default_context(cafile=ca)
    connection = http.client.HTTPSConnection(
        SERVICE_NAME, port, timeout=PATIENCE_SECONDS, context=context
    )
    waits = []
    started = time.perf_counter()
    for number in range(round(PER_SECOND * seconds)):
        due = started + number / PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        if number % FRESH_EVERY == 0:
            connection.close()
        connection.request("GET", "/healthz", headers={"User-Agent": "benchmarks/1.0"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"the visitor got {answer.status}")
        waits.append((time.perf_counter() - due) * 1000)
    connection.close()
    return waits


if __name__ == "__main__":
    gc.disable()  # its pauses would be ours, not the service's
    print(json.dumps(visit(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))
