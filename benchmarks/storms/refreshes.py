"""One refresh token, traded a thousand times at once: how many next ones come of it.

A client whose answer was lost asks again, and a thief asks too. However many do, there must be one
next token at most: two that live side by side are a family nobody can tell a theft by.
"""

from __future__ import annotations

import http.client
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.live import live_service
from benchmarks.storms import accounts, address
from benchmarks.storms.crowd import Lane, Request, send
from benchmarks.storms.watching import seconds, statuses
from benchmarks.summary import spread, waits_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.live import Ground
    from benchmarks.storms.crowd import Answer

ROUNDS = 3
REFRESHES = 1000
AT_ONCE = 50
"""Connections, each from an address of its own: twenty refreshes, of the thirty it may send."""
BLOCK = 67
ADDRESS_OF_ONE = 10_000


@dataclass(frozen=True, slots=True)
class Trade:
    """What came of one round."""

    answers: Sequence[Answer]
    successor: int | None
    """The status when the next token was traded in its turn; None when there was not one."""


def refresh(token: str) -> Request:
    """Return the trade of this token."""
    return Request("POST", "/api/v1/accounts/refresh", {"refresh_token": token})


def next_tokens(answers: Sequence[Answer]) -> set[str]:
    """Return the refresh tokens that were given."""
    return {one.body["refresh_token"] for one in answers if one.status == http.client.OK}


def trade(ground: Ground, turn: int) -> Trade:
    """Trade a fresh token a thousand times, then the one that came of it once.

    Raises:
        BenchError: a request was not answered at all.
    """
    token = accounts.tokens(ground, 0, turn=turn)["refresh_token"]
    each = REFRESHES // AT_ONCE
    answers = send(
        ground,
        [
            Lane(address(BLOCK, turn * AT_ONCE + number), [refresh(token)] * each)
            for number in range(AT_ONCE)
        ],
    )
    following = next_tokens(answers)
    if len(following) != 1:
        return Trade(answers, None)
    once = send(ground, [Lane(address(BLOCK, ADDRESS_OF_ONE + turn), [refresh(following.pop())])])
    return Trade(answers, once[0].status)


def measure(python: Path, project: Path) -> dict[str, Any]:
    """Trade in several sessions, one after another; return the figures.

    Raises:
        BenchError: the service did not answer.
    """
    with live_service(python, project) as ground:
        accounts.sign_up(ground, 1)
        trades = []
        for turn in range(ROUNDS):
            trades.append(trade(ground, turn))
            print(
                f"refreshes {turn + 1}/{ROUNDS}: {statuses(trades[-1].answers)}, "
                f"{len(next_tokens(trades[-1].answers))} next tokens in "
                f"{seconds(trades[-1].answers):.1f} s; the next one got {trades[-1].successor}",
                flush=True,
            )
    return figures(trades)


def figures(trades: Sequence[Trade]) -> dict[str, Any]:
    """Return what goes into `bench.json`."""
    everyone = [one for done in trades for one in done.answers]
    return {
        "refreshes": REFRESHES,
        "at_once": AT_ONCE,
        "most_next_tokens": max(len(next_tokens(one.answers)) for one in trades),
        "statuses": statuses(everyone),
        "statuses_of_the_next": sorted({str(one.successor) for one in trades}),
        "seconds": asdict(spread([seconds(one.answers) for one in trades])),
        "refresh_ms": asdict(waits_of([one.waited_ms for one in everyone])),
        "target": 1,
    }


def said(found: dict[str, Any]) -> list[str]:
    """Return the figures as a line for people."""
    return [
        (
            f"{found['refreshes']} trades of one refresh token, {found['at_once']} at once: "
            f"{found['most_next_tokens']} next token (target: {found['target']}), answers "
            f"{found['statuses']}, in {found['seconds']['median']:.1f} s; the next one was then "
            f"answered {' or '.join(found['statuses_of_the_next'])}"
        )
    ]
