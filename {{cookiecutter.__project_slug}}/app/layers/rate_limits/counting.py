"""Where hits are counted: the interface of a store, and the store in this process's memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from app.layers.rate_limits.windows import WINDOWS, Count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.layers.rate_limits.policies import Hit, Policy
    from app.layers.rate_limits.windows import Window


class StoreDownError(Exception):
    """The store can't count now. Its message names what happened, for the log."""


class Store(Protocol):
    """Counts hits, each exactly once."""

    async def hit(self, hits: Sequence[Hit]) -> list[Count]:
        """Count all of these at once.

        Raises:
            StoreDownError: it did not, or nobody knows whether it did.
        """


class MemoryStore:
    """Counts in a bounded number of keys, for this process only.

    Keys are kept in one table for each policy. Within a table fixed windows end in the order in
    which they were made, and others about in that of their last hits, so the next to go is always
    the first: making room takes no search. (A plain dict searches past what was deleted: 330 us for
    each new key of a flood.) When none has ended, the largest table gives: a flood of addresses
    then pushes out addresses, and leaves the counts of failed logins alone.
    """

    def __init__(self, max_keys: int = 50_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_keys = max_keys
        self._clock = clock
        self._tables: dict[Policy, OrderedDict[str, Window]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def count(self, hits: Sequence[Hit]) -> list[Count]:
        """Count all of these at once; it never waits and never fails."""
        now = self._clock()
        return [self._count(hit, now) for hit in hits]

    async def hit(self, hits: Sequence[Hit]) -> list[Count]:
        """Count all of these at once."""
        return self.count(hits)

    def _count(self, hit: Hit, now: float) -> Count:
        table = self._tables.get(hit.policy)
        if table is None:
            table = self._tables[hit.policy] = OrderedDict()
        window = table.get(hit.key)
        if window is None or window.ends <= now:
            if hit.cost < 0:
                return Count(0, 0.0)  # what is given back was counted in a window that has ended
            window = self._new_window(table, hit, now)
        elif hit.policy.algorithm != "fixed":
            table.move_to_end(hit.key)
        return window.hit(hit.policy, hit.cost, now)

    def _new_window(self, table: OrderedDict[str, Window], hit: Hit, now: float) -> Window:
        self._drop_ended(table, now)
        if self._size >= self.max_keys:
            self._make_room(now)
        # It may be there yet, ended, behind one that has not: then it moves to the end.
        self._size -= table.pop(hit.key, None) is not None
        window = table[hit.key] = WINDOWS[hit.policy.algorithm](now)
        self._size += 1
        return window

    def _drop_ended(self, table: OrderedDict[str, Window], now: float) -> None:
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
