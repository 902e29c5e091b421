"""Counts in Redis, for all workers at once.

One script counts a whole batch in one round trip. While it is under way, the hits of all other
requests gather and go together next: the busier the worker, the fewer round trips a request costs.
The same trip brings what other workers changed (`app/changes.py`): it has left after each of its
requests had arrived.
The keys share one hash tag, because a script may touch one slot only on Redis Cluster.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import NoScriptError, RedisError

from app.changes import STREAM
from app.layers.rate_limits.counting import StoreDownError
from app.layers.rate_limits.redis_script import SCRIPT, SCRIPT_SHA, argument_of, counts_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from app.changes import Changes
    from app.layers.rate_limits.policies import Hit
    from app.layers.rate_limits.windows import Count

KEY_PREFIX = "{rate-limits}:"
_STREAM = STREAM.encode("ascii")
MAX_BATCH = 256
"""Hits in one script call: Redis serves nobody else during it, about a millisecond at this size."""


class _Waiting(NamedTuple):
    hits: Sequence[Hit]
    counts: asyncio.Future[list[Count]]


class RedisStore:
    """Counts through one script call at a time, each with everything that gathered before it.

    Args:
        redis: the connection pool.
        changes: what hears of each trip.
        timeout: seconds that a call may take, connecting included.
    """

    def __init__(self, redis: Redis, changes: Changes, timeout: float) -> None:
        self._redis = redis
        self._changes = changes
        self._timeout = timeout
        self._waiting: list[_Waiting] = []
        self._sender: asyncio.Task[None] | None = None

    async def hit(self, hits: Sequence[Hit]) -> list[Count]:
        """Count all of these at once.

        Raises:
            StoreDownError: no answer in time, or an error for one.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(hits, loop.create_future())
        self._waiting.append(waiting)
        if self._sender is None or self._sender.done():
            # Its own context: what it logs belongs to no single request. Its own task: a client
            # that goes away must not take the others' hits along.
            self._sender = loop.create_task(self._send(), context=Context())
        return await waiting.counts

    async def aclose(self) -> None:
        """Stop; whoever still waits hears that the store is down."""
        if self._sender is not None and not self._sender.done():
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        self._fail(self._waiting, "closed")

    async def _send(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                batch = self._take_batch()
                self._deliver(batch, await self._call(batch))
        except (RedisError, OSError, TimeoutError) as error:
            self._fail(batch + self._waiting, type(error).__name__)
        except BaseException as error:
            self._fail(batch + self._waiting, type(error).__name__)
            raise

    def _take_batch(self) -> list[_Waiting]:
        size = 0
        for index, waiting in enumerate(self._waiting):
            size += len(waiting.hits)
            if size > MAX_BATCH and index > 0:
                batch, self._waiting = self._waiting[:index], self._waiting[index:]
                return batch
        batch, self._waiting = self._waiting, []
        return batch

    async def _call(self, batch: list[_Waiting]) -> list[int]:
        keys: list[bytes] = []
        arguments: list[bytes] = []
        for waiting in batch:
            for hit in waiting.hits:
                # Any text: what a route's key function took from a request must not fail the batch.
                keys.append((KEY_PREFIX + hit.key).encode("utf-8", "surrogatepass"))
                arguments.append(argument_of(hit.policy, hit.cost))
        errand = self._changes.errand()
        try:
            answer = await self._evaluate([*keys, _STREAM], [*arguments, *errand.arguments])
            counts, found = _read(answer, 2 * len(arguments))
            self._changes.take(errand, found)
        except BaseException:
            self._changes.miss(errand)
            raise
        return counts

    async def _evaluate(self, keys: list[bytes], arguments: list[bytes]) -> Any:
        async with asyncio.timeout(self._timeout):
            try:
                return await self._redis.evalsha(SCRIPT_SHA, len(keys), *keys, *arguments)
            except NoScriptError:  # first call ever, or Redis has restarted
                self._changes.forget()
                return await self._redis.eval(SCRIPT, len(keys), *keys, *arguments)

    def _deliver(self, batch: list[_Waiting], answer: list[int]) -> None:
        counts = counts_in(answer)
        for waiting in batch:
            found = [next(counts) for _ in waiting.hits]
            if not waiting.counts.done():  # its request may have been given up
                waiting.counts.set_result(found)

    def _fail(self, batch: list[_Waiting], reason: str) -> None:
        for waiting in batch:
            if not waiting.counts.done():
                waiting.counts.set_exception(StoreDownError(reason))
        self._waiting = []


def _read(answer: Any, length: int) -> tuple[list[int], Any]:
    match answer:
        case [list() as counts, found] if len(counts) == length:
            return counts, found
    raise RedisError("an answer of another shape")
