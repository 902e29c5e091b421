"""What one worker remembers, of a bounded number of clients or accounts, and has yet to tell."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from app.layers.bots.local.behaviour.record import Evidence, Record
from app.layers.bots.local.behaviour.signals import CLEAN, Standing

GENERATION_SECONDS = 1800
"""What was silent for one whole generation is forgotten: after half an hour to an hour."""
ASK_SECONDS = 30.0
"""How old may be what the other workers know of a client that is busy here."""
JUDGED_SECONDS = 1.0
"""How long a standing holds: counts fade slowly."""
MAX_QUEUE = 4096
"""Clients that wait to be told of."""


class Known:
    """What is known of one client. Without a record, nothing was ever held against it."""

    __slots__ = ("_judged_at", "_standing", "asked_at", "fresh", "record", "unsent")

    def __init__(self, now: float) -> None:
        self.fresh = Evidence()
        self.unsent: Evidence | None = None
        self.record: Record | None = None
        self.asked_at = float("-inf")
        self._standing = CLEAN
        self._judged_at = now

    def standing(self, now: float) -> Standing:
        """Return what its record comes to."""
        if self.record is None:
            return CLEAN
        if now - self._judged_at >= JUDGED_SECONDS:
            self._judge(self.record, now)
        return self._standing

    def note(self, now: float, *, is_shared: bool) -> None:
        """Let what was seen since the last time count: here, and later for the other workers."""
        record = self.record if self.record is not None else Record(now)
        self.record = record
        record.merge(self.fresh, now)
        if is_shared:
            self.unsent = self.unsent or Evidence()
            self.unsent.absorb(self.fresh)
        self.fresh = Evidence()
        self._judge(record, now)

    def hear(self, record: Record, now: float) -> None:
        """Take what all workers together know."""
        if self.record is None:
            self.record = record
        else:
            self.record.join(record)
        self._judge(self.record, now)

    def _judge(self, record: Record, now: float) -> None:
        self._standing, self._judged_at = record.standing(now), now


class Turn(NamedTuple):
    """One client of a batch."""

    key: str
    known: Known
    packed: bytes
    """Its evidence; empty to ask only."""


class LocalTable:
    """Two generations of what is known: a lookup that finds something in the old one moves it.

    When the new one is half of the size, or half an hour old, it becomes the old one, and that is
    forgotten: making room takes no search, and the silent ones go first.

    Args:
        size: how many are remembered, about; half of them at least.
    """

    def __init__(self, size: int) -> None:
        self._half = max(1, size // 2)
        self._new: dict[str, Known] = {}
        self._old: dict[str, Known] = {}
        self._began = float("-inf")
        self._telling: dict[str, Known] = {}
        self._asking: dict[str, Known] = {}
        self.dropped = 0
        """How many could not be told of, since too many were waiting."""

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    @property
    def waits(self) -> bool:
        """Whether there is somebody to tell of or to ask for."""
        return bool(self._telling or self._asking)

    def find(self, key: str) -> Known | None:
        """Return what is known, if anything is."""
        return self._new.get(key) or self._old.get(key)

    def known(self, key: str, now: float) -> Known:
        """Return what is known, and remember it for longer."""
        known = self._new.get(key)
        if known is not None and now - self._began < GENERATION_SECONDS:
            return known
        if len(self._new) >= self._half or now - self._began >= GENERATION_SECONDS:
            self._turn_over(now)
        known = self._old.pop(key, None) or Known(now)
        self._new[key] = known
        return known

    def tell(self, key: str, known: Known) -> None:
        """Let the others hear of this one with the next batch."""
        self._enqueue(self._telling, key, known)

    def ask(self, key: str, known: Known) -> None:
        """Hear with the next batch what the others know."""
        self._enqueue(self._asking, key, known)

    def take(self, most: int, now: float) -> list[Turn]:
        """Return the next batch; those with something to tell go first."""
        turns: list[Turn] = []
        for queue in (self._telling, self._asking):
            for key in list(islice(queue, most - len(turns))):
                known = queue.pop(key)
                unsent, known.unsent, known.asked_at = known.unsent, None, now
                turns.append(Turn(key, known, unsent.pack() if unsent is not None else b""))
        return turns

    def give_up(self) -> None:
        """Tell nobody of those who wait, since there is nobody to tell."""
        for known in self._telling.values():
            known.unsent = None
        self.dropped += len(self._telling)
        self._telling.clear()
        self._asking.clear()

    def _enqueue(self, queue: dict[str, Known], key: str, known: Known) -> None:
        if key in queue:
            return
        if len(queue) >= MAX_QUEUE:
            self.dropped += 1
            return
        queue[key] = known

    def _turn_over(self, now: float) -> None:
        expired = now - self._began >= 2 * GENERATION_SECONDS
        self._old = {} if expired else self._new
        self._new, self._began = {}, now
