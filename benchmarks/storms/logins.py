"""Two hundred logins at once, and two visitors who must not feel them.

Each login is a connection of its own, TLS and all, with a right password, which the service hashes
with argon2id as it ships. One visitor asks whether the service is alive, the other one with a token
for its account.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.live import Visit, compared, live_service
from benchmarks.storms import CONNECTIONS, VISITED, accounts, address
from benchmarks.storms.crowd import Lane
from benchmarks.storms.watching import quiet, seconds, statuses, stormy
from benchmarks.summary import Spread, spread, waits_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.storms.crowd import Answer
    from benchmarks.summary import Waits

ROUNDS = 5
LOGINS = 200
ACCOUNTS = 50
"""So few to one account that the limit on failed logins, which counts those under way, is far."""
BLOCK = 66
TARGET_MS = 100
"""The 99th percentile of `/healthz` in the storm."""


def lanes(turn: int) -> list[Lane]:
    """Return the logins of one round: no address has more than its limit in all rounds together."""
    addresses = LOGINS // accounts.LOGINS_OF_ONE
    return [
        Lane(
            address(BLOCK, turn * addresses + number // accounts.LOGINS_OF_ONE),
            [accounts.login(number % ACCOUNTS)],
        )
        for number in range(LOGINS)
    ]


def measure(python: Path, project: Path) -> dict[str, Any]:
    """Time the visitors in the quiet and in the storm, round after round; return the figures.

    Raises:
        BenchError: the service did not answer as it should.
    """
    calm: list[dict[str, Waits]] = []
    stirred: list[dict[str, Waits]] = []
    storms: list[list[Answer]] = []
    with live_service(python, project) as ground:
        accounts.sign_up(ground, ACCOUNTS)
        token = accounts.tokens(ground, 0)["access_token"]
        visits = {
            "healthz": Visit("/healthz", "127.0.0.2", connections=CONNECTIONS),
            "token": Visit(VISITED, "127.0.0.3", token, CONNECTIONS),
        }
        quiet(ground, visits)  # warms everything up
        for turn in range(ROUNDS):
            calm.append(quiet(ground, visits))
            waits, answers = stormy(ground, visits, lanes(turn))
            stirred.append(waits)
            storms.append(answers)
            print(
                f"logins {turn + 1}/{ROUNDS}, p99 ms quiet and stormy: "
                + ", ".join(f"{one} {calm[-1][one].p99:.1f} {waits[one].p99:.1f}" for one in waits)
                + f"; {statuses(answers)} in {seconds(answers):.1f} s",
                flush=True,
            )
    return figures(calm, stirred, storms)


def figures(
    calm: Sequence[dict[str, Waits]],
    stirred: Sequence[dict[str, Waits]],
    storms: Sequence[Sequence[Answer]],
) -> dict[str, Any]:
    """Return what goes into `bench.json`, of as many rounds in the quiet as in the storm."""
    everyone = [one for answers in storms for one in answers]
    return {
        **{
            name: compared([one[name] for one in calm], [one[name] for one in stirred], "stormy")
            for name in calm[0]
        },
        "visits_in_a_storm": min(one.requests for waits in stirred for one in waits.values()),
        "at_once": LOGINS,
        "statuses": statuses(everyone),
        "storm_seconds": asdict(spread([seconds(answers) for answers in storms])),
        "login_ms": asdict(waits_of([one.waited_ms for one in everyone])),
        "target_ms": TARGET_MS,
    }


def said(found: dict[str, Any]) -> list[str]:
    """Return the figures as lines for people."""
    lines = []
    for name, title in (("healthz", "/healthz"), ("token", "an answer for a user")):
        p99 = found[name]["p99"]
        ratio = Spread(**p99["ratio"])
        lines.append(
            f"{title}: p50 {found[name]['p50']['quiet_ms']['median']:.1f} ms and p99 "
            f"{p99['quiet_ms']['median']:.1f} ms in the quiet, "
            f"{found[name]['p50']['stormy_ms']['median']:.1f} and "
            f"{p99['stormy_ms']['median']:.1f} ms during {found['at_once']} logins at once: p99 "
            f"{ratio.median:.2f} times (by round {ratio.least:.2f}-{ratio.most:.2f})"
        )
    lines.append(
        f"the logins: {found['statuses']}, p50 {found['login_ms']['p50'] / 1000:.1f} s, all in "
        f"{found['storm_seconds']['median']:.1f} s; target: /healthz p99 below "
        f"{found['target_ms']} ms"
    )
    return lines
