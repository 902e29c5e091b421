"""Decides which store counts: the shared one, or this worker's memory while that is down."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, cast

from app.layers.logs import Event, log_event
from app.layers.rate_limits.counting import MemoryStore, StoreDownError
from app.layers.rate_limits.denied import Denied
from app.layers.rate_limits.outcomes import Outcome
from app.layers.rate_limits.policies import Hit, Policy
from app.layers.rate_limits.redis_store import RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from redis.asyncio import Redis
    from starlette.types import Scope

    from app.changes import Changes
    from app.layers.rate_limits.counting import Store
    from app.layers.rate_limits.settings import RateLimitsSettings

TIMEOUT_SECONDS = 0.25
"""How long one request may wait for Redis, once: the next ones don't ask it."""
RETRY_SECONDS = 1.0
"""How often Redis is tried while it is down."""

_PROBE = Hit("probe", Policy("probe", 1, 1))
"""The same script on a key of its own: a Redis that answers PING may still refuse to write."""


class RateLimits:
    """Counts hits in the shared store, or locally with this worker's share of each limit.

    It is a circuit breaker: the first failure opens it, no request asks a broken store, and a task
    in the background closes it again.

    Args:
        shared: the store of all workers; None when each counts for itself.
        workers: how many processes share a limit when each counts for itself.
        local: what counts without the shared store.
        denied: what needs no trip to the shared store.
        retry_after: seconds between two attempts to use a store that was down.
    """

    def __init__(
        self,
        shared: Store | None,
        *,
        workers: int,
        local: MemoryStore | None = None,
        denied: Denied | None = None,
        retry_after: float = RETRY_SECONDS,
    ) -> None:
        self._shared = shared
        self._workers = workers
        self._local = local if local is not None else MemoryStore()
        self._denied = denied if denied is not None else Denied()
        self._retry_after = retry_after
        self.outages = 0
        """How often the shared store was lost."""
        self.degraded_requests = 0
        """How many decisions were made without it since."""
        self._recovery: asyncio.Task[None] | None = None

    @property
    def is_degraded(self) -> bool:
        """Whether a shared store exists and is down."""
        return self._recovery is not None

    async def hit(self, hits: Sequence[Hit]) -> list[Outcome]:
        """Count all of these at once. It never raises for a store's sake.

        Returns:
            What came of each; where this worker knows that some are refused, of those alone, and
            then nothing is counted.
        """
        if self._shared is not None and self._recovery is None:
            refused = self._denied.outcomes(hits)
            if refused:
                return refused
            asked = self._denied.clock()
            try:
                counts = await self._shared.hit(hits)
            except StoreDownError as error:
                self._degrade(str(error))
            else:
                outcomes = [
                    Outcome(hit.policy, hit.policy.amount, count.hits, hit.cost, count.seconds_left)
                    for hit, count in zip(hits, counts, strict=True)
                ]
                for hit, outcome in zip(hits, outcomes, strict=True):
                    if not outcome.allowed:
                        self._denied.note(hit, outcome, asked)
                return outcomes
        return self._hit_locally(hits)

    def _hit_locally(self, hits: Sequence[Hit]) -> list[Outcome]:
        self.degraded_requests += self._shared is not None
        mine = [hit._replace(policy=hit.policy.shared_by(self._workers)) for hit in hits]
        return [
            # The answer names the limit as it is set, and what is left of this worker's share.
            Outcome(hit.policy, share.policy.amount, count.hits, hit.cost, count.seconds_left)
            for hit, share, count in zip(hits, mine, self._local.count(mine), strict=True)
        ]

    def _degrade(self, reason: str) -> None:
        if self._recovery is None:  # many requests may hear of one failure
            loop = asyncio.get_running_loop()
            self._recovery = loop.create_task(self._recover(), context=Context())
            self._denied.forget()
            self.outages += 1
            log_event(Event.RATE_LIMITS_DEGRADED, reason=reason, workers=self._workers)

    async def _recover(self) -> None:
        store = cast("Store", self._shared)
        while True:
            await asyncio.sleep(self._retry_after)
            try:
                await store.hit([_PROBE])
            except StoreDownError:
                continue
            self._recovery = None
            log_event(Event.RATE_LIMITS_RESTORED)
            return

    async def aclose(self) -> None:
        """Stop trying."""
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)


def rate_limits_of(scope: Scope) -> RateLimits:
    """Return the engine of the application that serves this request."""
    engine: RateLimits = scope["app"].state.rate_limits
    return engine


@asynccontextmanager
async def open_rate_limits(
    settings: RateLimitsSettings, *, redis: Redis | None, changes: Changes, workers: int
) -> AsyncIterator[RateLimits]:
    """Give the engine for the life of the application; its trips to Redis read the changes."""
    del settings  # every limit is read where it is used
    store = RedisStore(redis, changes, TIMEOUT_SECONDS) if redis is not None else None
    if store is None and workers == 1:
        log_event(Event.RATE_LIMITS_LOCAL)
    elif store is None:
        log_event(Event.RATE_LIMITS_DEGRADED, reason="no Redis is configured", workers=workers)
    engine = RateLimits(store, workers=workers)
    try:
        yield engine
    finally:
        await engine.aclose()
        if store is not None:
            await store.aclose()
