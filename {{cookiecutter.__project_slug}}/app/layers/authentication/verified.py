"""Tokens that were verified a moment ago: their digest is all that has to be looked at again.

Verifying a signature takes some 100 µs, a digest 1 µs. fast-jwt's memory once let expired tokens
pass (CVE-2026-107719): so times are compared on each hit, and the session is asked for elsewhere,
on every request.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.layers.authentication.claims import Claims

MAX_SECONDS = 60.0
MAX_TOKENS = 10_000
"""17 MB, measured. Only what verified gets in, so nobody fills it with rubbish."""


class VerifiedTokens:
    """Remembers what verified, by SHA-256, for a minute at most."""

    def __init__(
        self,
        clock_skew_seconds: int,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._skew = clock_skew_seconds
        self._clock = clock
        self._ticks = ticks
        self._version: int | None = None
        self._known: OrderedDict[bytes, tuple[Claims, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, token: str, version: int) -> Claims | None:
        """Return what the token says, if it verified with this version of the keys and is good."""
        if version != self._version:
            self._known.clear()
            self._version = version
            return None
        digest = _digest(token)
        found = self._known.get(digest)
        if found is None:
            return None
        claims, until = found
        if self._ticks() >= until or not claims.is_current(self._clock(), self._skew):
            del self._known[digest]
            return None
        return claims

    def remember(self, token: str, claims: Claims, version: int) -> None:
        """Keep a token that has just verified.

        Args:
            token: the whole of it.
            claims: what it says.
            version: of the keys, from before it was verified; if they changed meanwhile, it is
                verified again next time.
        """
        if version != self._version:
            return
        digest = _digest(token)
        # Taken out first, so that it goes to the end: the first one is always the oldest.
        self._known.pop(digest, None)
        if len(self._known) >= MAX_TOKENS:
            self._known.popitem(last=False)
        self._known[digest] = (claims, self._ticks() + MAX_SECONDS)


def _digest(token: str) -> bytes:
    # Whatever a header brought must not raise here; only ASCII is ever remembered.
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
