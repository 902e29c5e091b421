"""What is remembered of a client: 172 bytes, however much it does.

Numbers that fade, and small sets in which each thing is one bit: a thing that was seen before is
not counted again. Two things may share a bit, so sets count a little too few, never too many. A set
that is half full starts again, or it would see nothing new.
`Evidence` is what one worker saw since it last told the others; merging it into a record is done
here, and in the same way by the script in `redis_store.py`.
"""

from __future__ import annotations

import struct
from array import array

from app.layers.bots.local.behaviour.signals import CLEAN, Signal, Standing, standing_for

FAST_HALF_LIFE = 600
SLOW_HALF_LIFE = 21_600
"""Seconds until a count is worth half."""

PATH_BITS = 128
PEER_BITS = IDENTIFIER_BITS = 256
"""One byte of a digest chooses among them."""

PLAIN = (Signal.HONEYPOT, Signal.TARGETED_ACCOUNT, Signal.ERRORS, Signal.REQUESTS)
"""The signals that are simply added up; the others come from the sets."""

_SETS = f"{PATH_BITS // 8}s{PEER_BITS // 8}s{IDENTIFIER_BITS // 8}s{IDENTIFIER_BITS // 8}s"
_RECORD = struct.Struct(f"<I{2 * len(Signal)}f{_SETS}")
_EVIDENCE = struct.Struct(f"<{len(PLAIN)}I{_SETS}")
RECORD_BYTES = _RECORD.size
EVIDENCE_BYTES = _EVIDENCE.size


def _packed_sets(holder: Evidence | Record) -> tuple[bytes, bytes, bytes, bytes]:
    return (
        holder.paths.to_bytes(PATH_BITS // 8, "little"),
        holder.peers.to_bytes(PEER_BITS // 8, "little"),
        holder.identifiers.to_bytes(IDENTIFIER_BITS // 8, "little"),
        holder.blocks.to_bytes(IDENTIFIER_BITS // 8, "little"),
    )


class Evidence:
    """What was seen of one client and is yet to count, of fixed size."""

    __slots__ = ("blocks", "counts", "identifiers", "paths", "peers")

    def __init__(self) -> None:
        self.counts = [0] * len(PLAIN)
        self.paths = self.peers = self.identifiers = self.blocks = 0

    @property
    def crowd(self) -> int:
        """How many identifiers are close to another one: they are more than their blocks."""
        return self.identifiers.bit_count() - self.blocks.bit_count()

    def absorb(self, other: Evidence) -> None:
        """Add what another one holds."""
        for signal in PLAIN:
            self.counts[signal] += other.counts[signal]
        self.paths |= other.paths
        self.peers |= other.peers
        self.identifiers |= other.identifiers
        self.blocks |= other.blocks

    def pack(self) -> bytes:
        """Return it as the script reads it."""
        return _EVIDENCE.pack(*self.counts, *_packed_sets(self))


class Record:
    """What is known of one client."""

    __slots__ = ("at", "blocks", "counts", "identifiers", "paths", "peers")

    def __init__(self, at: float) -> None:
        self.at = at
        # Pairs: the count that fades fast, and the one that fades slowly.
        self.counts = array("d", bytes(8 * 2 * len(Signal)))
        self.paths = self.peers = self.identifiers = self.blocks = 0

    @classmethod
    def unpack(cls, packed: bytes, now: float) -> Record:
        """Return what the script packed just now.

        Raises:
            struct.error: it did not pack this.
        """
        record = cls(now)
        values = _RECORD.unpack(packed)
        record.counts = array("d", values[1 : 1 + 2 * len(Signal)])
        sets = [int.from_bytes(packed_set, "little") for packed_set in values[-4:]]
        record.paths, record.peers, record.identifiers, record.blocks = sets
        return record

    def pack(self) -> bytes:
        """Return it as the script packs it."""
        return _RECORD.pack(int(self.at), *self.counts, *_packed_sets(self))

    def fast(self, signal: Signal) -> float:
        """Return what was counted within minutes."""
        return self.counts[2 * signal]

    def slow(self, signal: Signal) -> float:
        """Return what was counted within hours."""
        return self.counts[2 * signal + 1]

    def standing(self, now: float) -> Standing:
        """Return what it comes to by now."""
        self.fade(now)
        return standing_for(self.fast, self.slow) if any(self.counts) else CLEAN

    def fade(self, now: float) -> None:
        """Let the counts fade until now."""
        passed = now - self.at
        if passed <= 0:
            return
        fast, slow = 2 ** (-passed / FAST_HALF_LIFE), 2 ** (-passed / SLOW_HALF_LIFE)
        for place in range(0, len(self.counts), 2):
            self.counts[place] *= fast
            self.counts[place + 1] *= slow
        self.at = now

    def merge(self, evidence: Evidence, now: float) -> None:
        """Add evidence."""
        self.fade(now)
        for signal in PLAIN:
            self._add(signal, evidence.counts[signal])
        self.paths, new = _union(self.paths, evidence.paths, PATH_BITS)
        self._add(Signal.MISSING_PATHS, new)
        self.peers, new = _union(self.peers, evidence.peers, PEER_BITS)
        self._add(Signal.MANY_ACCOUNTS, new)
        identifiers, new = _union(self.identifiers, evidence.identifiers, IDENTIFIER_BITS)
        blocks, new_blocks = _union(self.blocks, evidence.blocks, IDENTIFIER_BITS)
        # By chance two blocks share a bit and their identifiers don't, or the reverse: taken
        # together, the differences of honest clients stay at nought.
        self._add(Signal.IDENTIFIERS, new - new_blocks)
        if not (identifiers and blocks):  # one was half full: only together do they say something
            identifiers = blocks = 0
        self.identifiers, self.blocks = identifiers, blocks

    def join(self, other: Record) -> None:
        """Take the larger of each count and all bits: what the others know, and what only we do."""
        self.fade(other.at)
        self.counts = array("d", map(max, self.counts, other.counts))
        self.paths, self.peers = other.paths, other.peers
        self.identifiers, self.blocks = other.identifiers, other.blocks

    def _add(self, signal: Signal, amount: int) -> None:
        for place in (2 * signal, 2 * signal + 1):
            self.counts[place] = max(0.0, self.counts[place] + amount)


def _union(old: int, new: int, size: int) -> tuple[int, int]:
    """Return both together, empty if that is half full, and how many are new."""
    both = old | new
    count = both.bit_count()
    return (0 if 2 * count > size else both), count - old.bit_count()
