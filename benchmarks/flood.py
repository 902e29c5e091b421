"""What a flood costs that the limits refuse, and what a Redis that hangs costs everybody else.

Two servers of the whole stack take turns on one core, with the same request. One has limits that
none reaches, the other the limit it ships with, which one client is far over: what it answers is
refusals. The figure is how many times faster they come, within a round.

Then Redis stops answering while requests wait for it, and a visitor asks for `/healthz` over and
over: if anything on the way to Redis held the event loop, its longest wait would show it.
"""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks import BenchError, wrk
from benchmarks.contestants import EMAIL, Contestant, token_of_hardened, with_token
from benchmarks.cpu import cpu_seconds
from benchmarks.lineup import start_hardened
from benchmarks.proofs import prove_answer
from benchmarks.rounds import WARM_UP_SECONDS
from benchmarks.summary import Spread, ratio_by_round, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.arena import Arena
    from benchmarks.rounds import Field

SHIPPED = "100/15minutes"
PATH = "/api/v1/accounts/me"
"""A route of the service itself: a verified token, a live session and a query."""
TARGET_RATIO = 4.0
TARGET_MS = 50.0
PAUSES = 3
PAUSE_SECONDS = 1.5
EVERY_SECONDS = 0.005


def _loaded(contestant: Contestant, field: Field, seconds: int) -> tuple[wrk.Load, float]:
    """Return what came of a load, and the server's processor time for one request of it.

    Raises:
        BenchError: there were connections that failed.
    """
    url = f"{contestant.process.url}{contestant.path}"
    used = cpu_seconds(contestant.process.pid)
    load = wrk.run(url, contestant.headers, seconds=seconds, core=field.load_core)
    if load.socket_errors or not load.requests:
        raise BenchError(f"{contestant.name}: {load.socket_errors} connections failed")
    return load, (cpu_seconds(contestant.process.pid) - used) / load.requests * 1e6


def _flood(served: Contestant, flooded: Contestant, field: Field) -> dict[str, Any]:
    """Load both in turn, and return how fast each answers.

    Raises:
        BenchError: one refused what it should have served, or served what it should have refused.
    """
    rates: dict[str, list[float]] = {"served": [], "refused": []}
    costs: dict[str, list[float]] = {"served": [], "refused": []}
    for number in range(field.rounds + 1):
        seconds = field.seconds if number else WARM_UP_SECONDS
        for name, contestant in (("served", served), ("refused", flooded)):
            load, cost = _loaded(contestant, field, seconds)
            wrong = load.refused if name == "served" else load.requests - load.refused
            if wrong > (0 if number else int(SHIPPED.split("/", maxsplit=1)[0])):
                raise BenchError(f"{name}: {wrong} answers of {load.requests} were not")
            if number:
                rates[name].append(load.per_second)
                costs[name].append(cost)
    return {
        "served_rps": asdict(spread(rates["served"])),
        "refused_rps": asdict(spread(rates["refused"])),
        "ratio": asdict(ratio_by_round(rates["refused"], rates["served"])),
        "served_cpu_us": asdict(spread(costs["served"])),
        "refused_cpu_us": asdict(spread(costs["refused"])),
        "target": TARGET_RATIO,
    }


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _worst_ms(contestant: Contestant, redis: int) -> float:
    """Return the longest wait for `/healthz` while Redis hangs and others wait for it.

    Raises:
        BenchError: a request was not answered with success.
    """
    port = int(contestant.process.url.rsplit(":", maxsplit=1)[1])
    statuses: list[int] = []

    def ask_for_more() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", PATH, headers=dict(contestant.headers))
        statuses.append(connection.getresponse().status)
        connection.close()

    waits = []
    visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    others = [threading.Thread(target=ask_for_more, daemon=True) for _ in range(8)]
    with _stopped(redis):
        ends = time.monotonic() + PAUSE_SECONDS
        for other in others:
            other.start()
        while (asked := time.monotonic()) < ends:
            visitor.request("GET", "/healthz", headers=dict(contestant.headers))
            answer = visitor.getresponse()
            answer.read()
            statuses.append(answer.status)
            waits.append(time.monotonic() - asked)
            time.sleep(EVERY_SECONDS)
        for other in others:
            other.join()
    visitor.close()
    if set(statuses) != {http.client.OK} or len(statuses) != len(waits) + len(others):
        raise BenchError(f"while Redis hung, answers were {sorted(set(statuses))}")
    time.sleep(2 * PAUSE_SECONDS)  # until it is in use again
    return max(waits) * 1000


def measure_flood(arena: Arena, field: Field) -> dict[str, Any]:
    """Measure both; return what goes into `bench.json`.

    Raises:
        BenchError: a server does not start, or a figure can't be trusted.
    """
    arena.prepare_hardened()
    process = start_hardened(arena, "served")
    headers = with_token(token_of_hardened(process))
    expected = {"email": EMAIL}
    served = Contestant("served", process, PATH, headers, expected)
    prove_answer(served)
    limited = arena.hardened_environment() | {"RATE_LIMITS__PER_CLIENT": SHIPPED}
    process = arena.serve("flooded", "hardened:create", environ=limited, is_factory=True)
    found = _flood(served, Contestant("flooded", process, PATH, headers, expected), field)
    worst = [_worst_ms(served, arena.redis.pid) for _ in range(PAUSES)]
    return found | {"paused_worst_ms": asdict(spread(worst)), "paused_target_ms": TARGET_MS}


def said(found: dict[str, Any]) -> str:
    """Return the figures as two lines for people."""
    ratio, worst = Spread(**found["ratio"]), Spread(**found["paused_worst_ms"])
    return (
        f"a flood over its limit: {found['refused_rps']['median']:,.0f} refusals/s where "
        f"{found['served_rps']['median']:,.0f} requests/s are served: {ratio.median:.1f} times "
        f"(by round {ratio.least:.1f}-{ratio.most:.1f}), CPU "
        f"{found['refused_cpu_us']['median']:.0f} for {found['served_cpu_us']['median']:.0f} µs; "
        f"target: at least {found['target']:.0f}\n"
        f"/healthz while Redis hangs, worst: {worst.median:.1f} ms "
        f"({worst.least:.1f}-{worst.most:.1f}); target: below {found['paused_target_ms']:.0f}"
    )
