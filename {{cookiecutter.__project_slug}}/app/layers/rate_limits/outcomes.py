"""What came of a hit, and how the client is told: headers on every answer, 429 over the limit."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from app.errors import ServiceError
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

    from app.layers.rate_limits.policies import Policy

OUTCOMES_KEY = "app.rate_limits.outcomes"
"""In the scope: the outcomes that this request's answer tells of."""


class RateLimited(ServiceError):
    """429: the client asks for more than its share; `Retry-After` says when to come back."""

    status, slug, layer = 429, "rate-limited", "rate_limits"


class Outcome(NamedTuple):
    """What came of one hit."""

    policy: Policy
    quota: int
    """How many are let through: the policy's amount, or this worker's share of it."""
    hits: int
    cost: int
    seconds_left: float
    """Until the limit is whole again; of a refused hit, until its like is let through."""

    @property
    def allowed(self) -> bool:
        """Whether the limit still held with this hit."""
        return self.hits <= self.quota

    @property
    def is_first_excess(self) -> bool:
        """Whether it is the hit that went over the limit, the first of its window to do so."""
        return self.hits - self.cost <= self.quota < self.hits

    @property
    def remaining(self) -> int:
        """How many more are let through in this window."""
        return max(0, self.quota - self.hits)

    @property
    def whole_seconds_left(self) -> int:
        """Seconds until that is surely so, at least 1."""
        return max(1, math.ceil(self.seconds_left))


def refuse_excess(
    outcomes: Sequence[Outcome],
    detail: str | None = None,
    event: Event = Event.EXCESS_RATE_LIMIT_EXCEEDED,
    **fields: Any,
) -> None:
    """Do nothing when every limit held; log the first hit over a limit, not those after it.

    Args:
        outcomes: of the hits that one decision made.
        detail: the sentence for the client, when a route has its own.
        event: what the log calls it.
        fields: more for the log.

    Raises:
        RateLimited: a limit did not hold.
    """
    excess = [outcome for outcome in outcomes if not outcome.allowed]
    if not excess:
        return
    for outcome in excess:
        if outcome.is_first_excess:
            policy = outcome.policy
            log_event(
                event,
                policy=policy.name,
                limit=policy.amount,
                window_seconds=policy.window,
                **fields,
            )
    wait = max(outcome.whole_seconds_left for outcome in excess)
    raise RateLimited(
        detail or "Too many requests; see Retry-After.", headers={"Retry-After": str(wait)}
    )


def note_outcomes(scope: Scope, outcomes: Sequence[Outcome]) -> None:
    """Let this request's answer tell of these outcomes too."""
    scope.setdefault(OUTCOMES_KEY, []).extend(outcomes)


@lru_cache(maxsize=256)
def _described(policy: Policy) -> tuple[bytes, bytes]:
    name = f'"{policy.name}"'.encode("ascii")
    return name, b"%b;q=%d;w=%d" % (name, policy.amount, math.ceil(policy.window))


def headers_for(outcomes: Sequence[Outcome]) -> list[tuple[bytes, bytes]]:
    """Return the headers that tell of these outcomes.

    `RateLimit` and `RateLimit-Policy` are structured fields and name every limit. The older three
    have room for one: the one that will refuse first. All times are whole seconds from now.
    """
    live, policies, told = [], [], []
    for outcome in outcomes:
        name, policy = _described(outcome.policy)
        remaining, seconds = outcome.remaining, outcome.whole_seconds_left
        live.append(b"%b;r=%d;t=%d" % (name, remaining, seconds))
        policies.append(policy)
        told.append((remaining, -seconds, outcome.quota))
    remaining, negative_seconds, quota = min(told)
    return [
        (b"ratelimit", b", ".join(live)),
        (b"ratelimit-policy", b", ".join(policies)),
        (b"ratelimit-limit", b"%d" % quota),
        (b"ratelimit-remaining", b"%d" % remaining),
        (b"ratelimit-reset", b"%d" % -negative_seconds),
    ]
