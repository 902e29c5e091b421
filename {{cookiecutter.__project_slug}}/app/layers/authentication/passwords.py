"""Passwords: argon2id, in a bounded pool of threads.

argon2 releases the GIL, so hashing in threads leaves the event loop free; the limiter keeps a
login storm from taking all memory and every core.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane; 26 ms against the library
# default's 140 to 200 (measured).
_HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


MAX_WAITING = 200
"""Passwords that wait their turn, some 3 s of work on two cores. Beyond, the answer is 503: a queue
without an end is work for clients that have long gone."""


class Passwords:
    """Hashes and verifies passwords, a bounded number at once."""

    def __init__(self, concurrency: int) -> None:
        self._limiter = CapacityLimiter(concurrency)
        self._waiting = 0
        # Unknown users cost the same work as known ones: their password is held against this.
        self._nobody = _HASHER.hash(secrets.token_urlsafe(32))

    async def hash(self, password: str) -> str:
        """Return the encoded hash, with its salt and parameters."""
        return await self._in_turn(_HASHER.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; for `None` (no such user) never, as slowly."""
        matches = await self._in_turn(_HASHER.verify, password, stored or self._nobody)
        return matches and stored is not None

    async def _in_turn(self, work: Callable[..., T], *arguments: str) -> T:
        """Return what the work returns, done in a thread.

        Raises:
            Unavailable: too many wait already.
        """
        if self._waiting >= MAX_WAITING:
            raise Unavailable("Too many are logging in; try again.", headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            return await to_thread.run_sync(work, *arguments, limiter=self._limiter)
        finally:
            self._waiting -= 1
