"""What a worker remembers of sessions: a bounded number, found by session and by user."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from app.layers.authentication.principal import Principal

MAX_REMEMBERED = 10_000
"""Sessions, 8 MB (measured); the one that was asked for first goes first."""


class Remembered(NamedTuple):
    """What is remembered of a session, and for how long."""

    principal: Principal
    until: float
    """Monotonic seconds."""
    ends: float
    """Seconds since the epoch: the session itself runs out."""


class Memory:
    """Every session that is remembered."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[uuid.UUID, Remembered] = OrderedDict()
        self._keys_of: dict[uuid.UUID, set[uuid.UUID]] = {}
        self.get: Callable[[uuid.UUID], Remembered | None] = self._by_key.get
        """Return what is remembered of a session."""

    def __len__(self) -> int:
        return len(self._by_key)

    def put(self, key: uuid.UUID, entry: Remembered) -> None:
        """Remember; the oldest gives way."""
        self.drop(key)
        if len(self._by_key) >= MAX_REMEMBERED:
            self.drop(next(iter(self._by_key)))
        self._by_key[key] = entry
        self._keys_of.setdefault(entry.principal.user_id, set()).add(key)

    def drop(self, key: uuid.UUID) -> None:
        """Forget a session."""
        entry = self._by_key.pop(key, None)
        if entry is None:
            return
        keys = self._keys_of[entry.principal.user_id]
        keys.discard(key)
        if not keys:
            del self._keys_of[entry.principal.user_id]

    def drop_all_of(self, user_id: uuid.UUID) -> None:
        """Forget every session of a user."""
        for key in tuple(self._keys_of.get(user_id, ())):
            self.drop(key)

    def clear(self) -> None:
        """Forget everything."""
        self._by_key.clear()
        self._keys_of.clear()
