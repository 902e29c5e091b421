"""Remembers what clients did, here at once and in Redis behind the requests' back."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, NamedTuple

from redis.exceptions import RedisError

from app.layers.bots.local.behaviour.local_table import ASK_SECONDS, LocalTable
from app.layers.bots.local.behaviour.redis_store import MAX_BATCH, RedisStore
from app.layers.bots.local.behaviour.signals import (
    CLEAN,
    TARGETED_FAST,
    TARGETED_SLOW,
    Signal,
    Standing,
)
from app.layers.bots.local.behaviour.traces import Seen, digest_of, trace
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from redis.asyncio import Redis

    from app.layers.bots.local.behaviour.local_table import Known
    from app.layers.bots.settings import BotsSettings

TIMEOUT_SECONDS = 0.25
INTERVAL_SECONDS = 0.2
"""The shortest time between two trips to Redis."""
RETRY_SECONDS = 1.0
"""How often Redis is tried while it is down."""
CLOSE_SECONDS = 2.0
"""How long the end of the service waits for a trip to Redis that will not be cancelled."""
LOCAL_SIZE = 20_000
"""Clients that one worker remembers, and accounts; at most, and half of them at least."""


class Kind(NamedTuple):
    """The records of clients, or of accounts."""

    local: LocalTable
    shared: RedisStore | None


class Behaviour:
    """What clients have done, and what it comes to.

    No request waits for Redis: it is judged by what this worker knows. A task in the background
    tells the others of it, at most five times a second, and hears what they know.

    Args:
        redis: the connection pool; None when this worker is on its own.
        size: how many clients, and how many accounts, Redis remembers.
        clock: monotonic seconds.
    """

    def __init__(
        self, redis: Redis | None, *, size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(16)
        self.clients, self.accounts = (
            Kind(
                LocalTable(min(size, LOCAL_SIZE)),
                RedisStore(redis, kind, size, TIMEOUT_SECONDS) if redis is not None else None,
            )
            for kind in ("clients", "accounts")
        )
        self.is_shared = redis is not None
        """Whether the other workers hear of anything now."""
        self.outages = 0
        self._wake = asyncio.Event()
        self._telling = asyncio.Lock()
        self._is_closed = False

    @property
    def dropped(self) -> int:
        """Return how many clients and accounts the other workers were not told of."""
        return self.clients.local.dropped + self.accounts.local.dropped

    def standing(self, client: str) -> Standing:
        """Return what a client's past comes to. It never waits and never fails."""
        known = self.clients.local.find(client)
        return CLEAN if known is None else known.standing(self._clock())

    def saw(self, client: str, seen: Seen) -> None:
        """Remember a request and its answer. It never waits and never fails."""
        now = self._clock()
        table = self.clients.local
        known = table.known(client, now)
        if trace(seen, known.fresh, self._key):
            self._note(table, client, known, now)
        elif self.is_shared and now - known.asked_at > ASK_SECONDS:
            known.asked_at = now
            table.ask(client, known)
            self._wake.set()

    def saw_failed_login(self, client: str, account: str) -> None:
        """Remember that a login failed. It never waits and never fails.

        A login that succeeds is nowhere held against the ones that failed: whoever owns one account
        may guess at others.
        """
        now = self._clock()
        accounts, clients = self.accounts.local, self.clients.local
        under_attack = accounts.known(account, now)
        is_targeted = _is_targeted(under_attack, now)
        under_attack.fresh.peers |= 1 << digest_of(client, self._key)[0]
        self._note(accounts, account, under_attack, now)
        known = clients.known(client, now)
        known.fresh.peers |= 1 << digest_of(account, self._key)[0]
        known.fresh.counts[Signal.TARGETED_ACCOUNT] += is_targeted
        self._note(clients, client, known, now)

    def _note(self, table: LocalTable, key: str, known: Known, now: float) -> None:
        known.note(now, is_shared=self.is_shared)
        if self.is_shared:
            table.tell(key, known)
            self._wake.set()

    async def keep_telling(self) -> None:
        """Tell the other workers, until closed."""
        while not self._is_closed:
            await self._wake.wait()
            await asyncio.sleep(INTERVAL_SECONDS if self.is_shared else RETRY_SECONDS)
            self._wake.clear()
            try:
                await self.tell()
            except (RedisError, OSError, TimeoutError) as error:
                self._degrade(type(error).__name__)
            else:
                self._restore()
            if not self.is_shared or self.clients.local.waits or self.accounts.local.waits:
                self._wake.set()

    async def tell(self) -> None:
        """Tell the other workers of the next batch, and hear what they know.

        Raises:
            RedisError: an error, or an answer that makes no sense.
            OSError: there is no connection.
            TimeoutError: it took too long.
        """
        async with self._telling:
            for kind in (self.clients, self.accounts):
                await self._exchange(kind)

    async def close(self, task: asyncio.Task[None]) -> None:
        """End the task that tells the others; a trip under way is not waited for.

        To cancel it is not enough: `asyncio.wait_for`, with which redis-py sends, forgets that it
        was cancelled when what it waited for is done at the same moment (Python before 3.12).
        """
        self._is_closed = True
        task.cancel()
        await asyncio.wait({task}, timeout=CLOSE_SECONDS)

    async def _exchange(self, kind: Kind) -> None:
        if kind.shared is None:
            return
        turns = kind.local.take(MAX_BATCH, self._clock())
        if not turns and self.is_shared:
            return
        try:
            self._key, records = await kind.shared.exchange(turns, self._key, self._clock())
        except BaseException:
            kind.local.dropped += sum(bool(turn.packed) for turn in turns)
            raise
        now = self._clock()
        for turn, record in zip(turns, records, strict=True):
            if record is not None:
                turn.known.hear(record, now)

    def _degrade(self, reason: str) -> None:
        for kind in (self.clients, self.accounts):
            kind.local.give_up()
        if self.is_shared:  # one event for an outage, not one for each trip
            self.is_shared = False
            self.outages += 1
            log_event(Event.BEHAVIOUR_DEGRADED, reason=reason)

    def _restore(self) -> None:
        if not self.is_shared:
            self.is_shared = True
            log_event(Event.BEHAVIOUR_RESTORED, dropped=self.dropped)


def _is_targeted(known: Known, now: float) -> bool:
    """Whether many different clients failed to log in to this account."""
    record = known.record
    if record is None:
        return False
    record.fade(now)
    return (
        record.fast(Signal.MANY_ACCOUNTS) >= TARGETED_FAST
        or record.slow(Signal.MANY_ACCOUNTS) >= TARGETED_SLOW
    )


@asynccontextmanager
async def open_behaviour(settings: BotsSettings, redis: Redis | None) -> AsyncIterator[Behaviour]:
    """Give the memory of what clients did, for the life of the application."""
    behaviour = Behaviour(redis, size=settings.behaviour_clients)
    if redis is None:
        yield behaviour
        return
    # Its own context: what it logs belongs to no single request.
    task = asyncio.get_running_loop().create_task(behaviour.keep_telling(), context=Context())
    try:
        yield behaviour
    finally:
        await behaviour.close(task)
