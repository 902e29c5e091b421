"""Times in which the live service is without Redis."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack

LOST, FOUND = "rate_limits_degraded", "rate_limits_restored"


def without_redis(stack: Stack) -> set[int]:
    """Return the process ids of the workers whose last word on Redis is that they lost it."""
    last: dict[int, str] = {}
    for line in stack.log_path("app").read_bytes().splitlines():
        if LOST.encode() in line or FOUND.encode() in line:
            entry = json.loads(line)
            last[entry["process.pid"]] = entry["event.action"]
    return {pid for pid, event in last.items() if event == LOST}


def settle(stack: Stack) -> None:
    """Wait until every worker counts in Redis.

    The last word of each is asked, not how many words there are since some moment: a worker that
    was lost before it and is found after it would make the numbers unequal for ever.

    Raises:
        TimeoutError: one does not.
    """
    wait_until(lambda: not without_redis(stack), "every worker uses Redis")


@contextmanager
def hanging_redis(stack: Stack) -> Iterator[dict[str, int]]:
    """Keep Redis from answering; afterwards, wait until every worker counts there again.

    Yields:
        Where the logs stood when it began, for `log_lines(since=…)`.
    """
    settle(stack)
    since = stack.mark()
    os.kill(stack.pids["redis"], signal.SIGSTOP)
    try:
        yield since
    finally:
        os.kill(stack.pids["redis"], signal.SIGCONT)
        settle(stack)
