"""Where hits are counted: the interface of a store, and the store in this process's memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.layers.rate_limits.policies import Hit, Policy


class Count(NamedTuple):
    """What a store knows of a key, right after a hit."""

    hits: int
    """In this window, this one included."""
    seconds_left: float
    """Until the window ends."""


class StoreDownError(Exception):
    """The store can't count now. Its message names what happened, for the log."""


class Store(Protocol):
    """Counts hits in windows that the first hit starts, each hit exactly once."""

    async def hit(self, hits: Sequence[Hit]) -> list[Count]:
        """Count all of these at once.

        Raises:
            StoreDownError: it did not, or nobody knows whether it did.
        """


class _Window:
    __slots__ = ("ends", "hits")

    def __init__(self, ends: float) -> None:
        self.hits = 0
        self.ends = ends


class MemoryStore:
    """Counts in a bounded number of keys, for this process only.

    Keys are kept in one table for each policy. Within a table they end in the order in which they
    were made, so the next to go is always the first: making room takes no search. (A plain dict
    searches past what was deleted: 330 us for each new key of a flood.) When none has ended, the
    largest table gives: a flood of addresses then pushes out addresses, and leaves the counts of
    failed logins alone.
    """

    def __init__(self, max_keys: int = 50_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_keys = max_keys
        self._clock = clock
        self._tables: dict[Policy, OrderedDict[str, _Window]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def count(self, hits: Sequence[Hit]) -> list[Count]:
        """Count all of these at once; it never waits and never fails."""
        now = self._clock()
        counts = []
        for hit in hits:
            window = self._window(hit, now)
            if window is None:
                counts.append(Count(0, 0.0))
                continue
            window.hits += hit.cost
            counts.append(Count(window.hits, window.ends - now))
        return counts

    async def hit(self, hits: Sequence[Hit]) -> list[Count]:
        """Count all of these at once."""
        return self.count(hits)

    def _window(self, hit: Hit, now: float) -> _Window | None:
        """Return the window of this key, a new one if it has none or that has ended."""
        table = self._tables.get(hit.policy)
        if table is None:
            table = self._tables[hit.policy] = OrderedDict()
        window = table.get(hit.key)
        if window is not None and window.ends > now:
            return window
        if hit.cost < 0:
            return None  # what is given back was counted in a window that has ended
        self._drop_ended(table, now)
        if self._size >= self.max_keys:
            self._make_room(now)
        window = table[hit.key] = _Window(now + hit.policy.window)
        self._size += 1
        return window

    def _drop_ended(self, table: OrderedDict[str, _Window], now: float) -> None:
        ended = []
        for key, window in table.items():
            if window.ends > now:
                break
            ended.append(key)
        for key in ended:
            del table[key]
        self._size -= len(ended)

    def _make_room(self, now: float) -> None:
        for table in self._tables.values():
            self._drop_ended(table, now)
        if self._size >= self.max_keys:
            largest = max(self._tables.values(), key=len)
            largest.popitem(last=False)
            self._size -= 1
