"""What a worker knows to be refused: a flood over its limit then costs no trip to Redis.

It remembers what Redis said, and for how long: no wait gets longer by it, and nothing is refused
that Redis would let through. Asked again after a few seconds, Redis may say otherwise: an operator
deleted the key, or another Redis has taken over. What may be given back is not remembered at all:
any worker may let it through again, a moment later.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from app.layers.rate_limits.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.layers.rate_limits.policies import Hit

MAX_KEYS = 10_000
"""About 3 MB."""
BELIEVED_SECONDS = 5.0


class Denial(NamedTuple):
    """What was said of one key."""

    cost: int
    """Of the hit that was refused; a smaller one may pass."""
    ends: float
    """When the hit is let through, in monotonic seconds."""
    believed_until: float


class Denied:
    """The keys that are over their limits.

    Args:
        max_keys: how many are remembered.
        clock: monotonic seconds.
    """

    def __init__(
        self, max_keys: int = MAX_KEYS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_keys = max_keys
        self.clock = clock
        self._denials: dict[str, Denial] = {}

    def __len__(self) -> int:
        return len(self._denials)

    def note(self, hit: Hit, outcome: Outcome, asked: float) -> None:
        """Remember what Redis said of a hit, if it was refused.

        Args:
            hit: the hit.
            outcome: what came of it.
            asked: the moment before Redis was asked: the wait began at that moment or later.
        """
        if outcome.allowed or hit.is_returnable or hit.cost < 0:
            return
        if len(self._denials) >= self.max_keys:
            # The oldest. It is asked about once more, which costs a trip and lets nobody through.
            del self._denials[next(iter(self._denials))]
        # A fixed window is over for every hit, whatever it costs.
        cost = 0 if hit.policy.algorithm == "fixed" else hit.cost
        ends = asked + outcome.seconds_left
        self._denials.pop(hit.key, None)
        self._denials[hit.key] = Denial(cost, ends, min(ends, asked + BELIEVED_SECONDS))

    def outcomes(self, hits: Sequence[Hit]) -> list[Outcome]:
        """Return what is known to be refused of these; mostly nothing."""
        if not self._denials:
            return []
        found = []
        for hit in hits:
            denial = self._denials.get(hit.key)
            if denial is None or hit.cost < denial.cost:
                continue
            now = self.clock()
            if denial.believed_until <= now:
                del self._denials[hit.key]
                continue
            # One more than what first went over: that was logged.
            over = hit.policy.amount + hit.cost + 1
            found.append(Outcome(hit.policy, hit.policy.amount, over, hit.cost, denial.ends - now))
        return found

    def forget(self) -> None:
        """Believe nothing until Redis says it again."""
        self._denials.clear()
