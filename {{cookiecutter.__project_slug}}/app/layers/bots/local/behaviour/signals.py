"""What counts against a client, and how much. Pure: evidence in, a standing out."""

from __future__ import annotations

from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from app.layers.bots.provider import Decision

if TYPE_CHECKING:
    from collections.abc import Callable

SLOW_SCORE = 50
"""From here on, answers are held back."""
REFUSE_SCORE = 100
"""From here on, there are none."""
MAX_HOLD_SECONDS = 2.0


class Signal(IntEnum):
    """What is counted. The numbers are the places in a record."""

    HONEYPOT = 0
    """Requests for what only a scanner asks for."""
    TARGETED_ACCOUNT = 1
    """Failed logins to accounts that many other addresses fail to log in to."""
    ERRORS = 2
    """Answers of 4xx; they count as a share of the requests."""
    REQUESTS = 3
    MISSING_PATHS = 4
    """Different paths that no route has."""
    MANY_ACCOUNTS = 5
    """Different accounts that logins failed for. In an account's record: different clients."""
    IDENTIFIERS = 6
    """Different identifiers close to each other."""

    @property
    def label(self) -> str:
        """Return what the log calls it."""
        return self.name.lower().replace("_", "-")


class Scale(NamedTuple):
    """How a count becomes points."""

    free: float
    """So many cost nothing: people mistype, links break, one address may be an office."""
    points: float
    """For each one beyond."""
    most: float = inf

    def __call__(self, count: float) -> float:
        """Return the points."""
        return min(self.most, max(0.0, count - self.free) * self.points)


# Each signal is counted twice: by a count that halves in ten minutes, and by one that halves in six
# hours for those who take their time. The rate limit of 100 requests per 15 minutes lets the first
# one rise to 96 at most, and the limit of 10 logins to 9.6.
FAST: dict[Signal, Scale] = {
    # One is enough to be refused for twenty minutes and slowed for ten more.
    Signal.HONEYPOT: Scale(0, 400),
    # Never enough alone: the victim of such an attack may fail too, without the token of a device.
    Signal.TARGETED_ACCOUNT: Scale(0, 10, 40),
    Signal.ERRORS: Scale(20, 0.5, 30),
    Signal.MISSING_PATHS: Scale(10, 4),
    Signal.MANY_ACCOUNTS: Scale(4, 10),
    Signal.IDENTIFIERS: Scale(15, 2),
}
SLOW: dict[Signal, Scale] = {
    Signal.HONEYPOT: Scale(0, 10),
    Signal.TARGETED_ACCOUNT: Scale(5, 3, 20),
    Signal.ERRORS: Scale(100, 0.3, 30),
    Signal.MISSING_PATHS: Scale(30, 2),
    Signal.MANY_ACCOUNTS: Scale(15, 4),
    Signal.IDENTIFIERS: Scale(60, 0.5),
}

ERROR_SHARE = 0.5
"""Below this share of the requests, errors are what happens to busy clients."""

TARGETED_FAST = 8.0
TARGETED_SLOW = 20.0
"""From so many different clients that fail to log in to one account, it is under attack."""


class Standing(NamedTuple):
    """What a client has done so far comes to."""

    score: int
    reasons: tuple[str, ...] = ()
    """The signals that the points are for; for the log, never for the client."""

    @property
    def decision(self) -> Decision:
        """Return what the score asks for."""
        if self.score >= REFUSE_SCORE:
            return Decision.REFUSE
        return Decision.SLOW if self.score >= SLOW_SCORE else Decision.ALLOW

    @property
    def hold_seconds(self) -> float:
        """Return how long an answer is to be held: the longer, the nearer to being refused."""
        share = (self.score - SLOW_SCORE + 1) / (REFUSE_SCORE - SLOW_SCORE)
        return MAX_HOLD_SECONDS * min(1.0, max(0.0, share))


CLEAN = Standing(0)


def standing_for(fast: Callable[[Signal], float], slow: Callable[[Signal], float]) -> Standing:
    """Return what these counts come to."""
    total, reasons = 0.0, []
    for counts, scales in ((fast, FAST), (slow, SLOW)):
        for signal, scale in scales.items():
            points = scale(counts(signal))
            if signal is Signal.ERRORS and not _is_mostly_errors(counts):
                points = 0.0
            if points > 0:
                total += points
                reasons.append(signal.label)
    return Standing(int(total), tuple(dict.fromkeys(reasons))) if reasons else CLEAN


def _is_mostly_errors(counts: Callable[[Signal], float]) -> bool:
    return counts(Signal.ERRORS) >= ERROR_SHARE * counts(Signal.REQUESTS)
