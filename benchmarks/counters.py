"""Asks Redis how many requests have been counted in it."""

from __future__ import annotations

import time

from benchmarks import BenchError
from benchmarks.processes import output_of

_SUM = """
local total = 0
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  total = total + (tonumber(redis.call('GET', key)) or 0)
end
return string.format('%.0f', total)
"""

SETTLE_SECONDS = 5
"""How long the last hits may take to arrive."""


def _ask(port: int, *command: str) -> str:
    return output_of(["redis-cli", "-e", "--raw", "-p", str(port), *command], seconds=10)


def forget(port: int) -> None:
    """Start counting from nothing, so that no limit is ever reached, however many rounds there are.

    Raises:
        CommandError: Redis does not answer.
    """
    _ask(port, "FLUSHALL")


def counted(port: int, pattern: str) -> int:
    """Return the sum of the counters whose keys match.

    Raises:
        CommandError: Redis does not answer, or such a key is no counter.
    """
    return int(_ask(port, "EVAL", _SUM, "0", pattern))


def require_counted(name: str, *, port: int, pattern: str, requests: int) -> None:
    """See to it that the counters have reached the number of requests.

    Raises:
        BenchError: they have not, so the load was not what it should be.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := counted(port, pattern)) < requests:
        if time.monotonic() > deadline:
            raise BenchError(f"{name} answered {requests} requests and counted {found} in Redis")
        time.sleep(0.05)
