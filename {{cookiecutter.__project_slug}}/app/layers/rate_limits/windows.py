"""How hits are counted, in three ways: the arithmetic, for a process's own memory. Pure.

`redis_script.py` does the same in Redis, to the letter; a test holds each against the other.

A fixed window counts what it refuses too: that changes nothing, since it ends when it ends. In a
sliding window and in a bucket what is refused takes nothing, or whoever asks too early would wait
longer for it, and `Retry-After` would be wrong.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from app.layers.rate_limits.policies import Algorithm, Policy

GRAIN = 1e-9
"""Hits. What is less than this over a limit is an error of arithmetic."""


class Count(NamedTuple):
    """What a store knows of a key, right after a hit."""

    hits: int
    """That the limit is used up by, this hit included. More than the limit: it was refused, and
    the first that was for a while is `cost` more."""
    seconds_left: float
    """Until the limit is whole again; of a hit that was refused, until its like is let through."""


class Window(Protocol):
    """The hits of one key."""

    __slots__ = ()
    ends: float
    """When there will be nothing left to remember."""

    def __init__(self, now: float) -> None: ...

    def hit(self, policy: Policy, cost: int, now: float) -> Count:
        """Count a hit that is made now."""


class FixedWindow:
    """All hits from the first one until the window ends."""

    __slots__ = ("_hits", "ends")

    def __init__(self, now: float) -> None:
        self._hits = 0
        self.ends = now

    def hit(self, policy: Policy, cost: int, now: float) -> Count:
        """Count a hit that is made now."""
        if self.ends <= now:
            self._hits, self.ends = 0, now + policy.window
        self._hits += cost
        return Count(self._hits, self.ends - now)


class _Refusing:
    """What knows whether it refused lately: the log is told of the first refusal of a window."""

    __slots__ = ("_refused_at", "ends")

    def __init__(self, now: float) -> None:
        self.ends = now
        self._refused_at = float("-inf")

    def _refused(self, policy: Policy, cost: int, now: float, wait: float) -> Count:
        is_first = now - self._refused_at >= policy.window
        if is_first:
            self._refused_at = now
        return Count(policy.amount + cost + (not is_first), wait)


class SlidingWindow(_Refusing):
    """Two windows one after the other: of the last one counts the part that is not yet over.

    That part is rounded down, and below the next number even when it is whole: a client that keeps
    to the limit's pace is never refused.
    """

    __slots__ = ("_hits", "_last", "_start")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._start = now
        self._hits = 0
        self._last = 0

    def hit(self, policy: Policy, cost: int, now: float) -> Count:
        """Count a hit that is made now."""
        self._move(policy.window, now)
        fading = self._last * (1 - (now - self._start) / policy.window)
        used = max(0, math.ceil(fading - GRAIN) - 1) + self._hits + cost
        if cost > 0 and used > policy.amount:
            return self._refused(policy, cost, now, self._wait(policy, cost) - now)
        self._hits += cost
        if self._hits < 0:  # what is given back was counted in the window before
            self._last = max(0, self._last + self._hits)
            self._hits = 0
        self.ends = self._start + policy.window * (2 if self._hits else 1)
        return Count(max(0, used), self.ends - now)

    def _move(self, window: float, now: float) -> None:
        if now >= self._start + window:
            is_next = self._hits > 0 and now < self._start + 2 * window
            self._last = self._hits if is_next else 0
            self._start = self._start + window if is_next else now
            self._hits = 0

    def _wait(self, policy: Policy, cost: int) -> float:
        """Return the moment at which so many will fit."""
        start, fading, room = self._start, self._last, policy.amount - cost - self._hits
        if room < 0:  # not while this window lasts; then it fades as well
            start, fading, room = start + policy.window, self._hits, policy.amount - cost
        return start + policy.window * min(1.0, max(0.0, 1 - (room + 1) / max(1, fading)))


class TokenBucket(_Refusing):
    """Empty so far, and full again when its level has run out at an even pace.

    All it takes is the moment at which it will be full (the generic cell rate algorithm of ITU-T
    I.371).
    """

    __slots__ = ()

    def hit(self, policy: Policy, cost: int, now: float) -> Count:
        """Count a hit that is made now."""
        each = policy.window / policy.amount
        full = max(now, self.ends) + cost * each
        over = full - now - policy.window
        if cost > 0 and over > GRAIN * each:
            return self._refused(policy, cost, now, over)
        self.ends = max(now, full)
        return Count(math.ceil((self.ends - now) / each - GRAIN), self.ends - now)


WINDOWS: dict[Algorithm, type[FixedWindow | SlidingWindow | TokenBucket]] = {
    "fixed": FixedWindow,
    "sliding": SlidingWindow,
    "bucket": TokenBucket,
}
