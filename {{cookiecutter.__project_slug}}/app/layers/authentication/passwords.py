"""Passwords: argon2id, in a bounded pool of threads.

argon2 releases the GIL, so hashing in threads leaves the event loop free; their number keeps a
login storm from taking all memory and every core. Their priority is low, so that whatever else the
worker does comes first, and a login waits its turn before it touches the database, so that those
who wait hold nothing that others need. (200 logins at once, service and database on one core: p99
of `/healthz` 660 ms without both and 80 ms with them, of an answer for a user 5.5 s and 0.4 s.)
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane; 26 ms against the library
# default's 140 to 200 (measured).
_ARGON2 = Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1)
_HASHER = PasswordHash((_ARGON2,))


MAX_WAITING = 200
"""Logins that wait their turn, and passwords that wait for a thread: some 3 s of work on two cores.
Beyond, the answer is 503: a queue without an end is work for clients that have long gone."""
PATIENCE_SECONDS = 15.0
"""How long a login waits its turn: less than the edge waits for us, so that it hears the truth."""
NICENESS = 10
"""Of the threads that hash: a tenth of the others' share when a core is not enough for all."""


def _let_others_go_first() -> None:
    """Lower this thread's priority; Linux keeps one for each thread, others for a process."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):  # a sandbox may forbid it: then all have the same
            lowered = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
            os.setpriority(os.PRIO_PROCESS, thread, lowered)


class Passwords:
    """Hashes and verifies passwords, a bounded number at once."""

    def __init__(self, concurrency: int) -> None:
        self._threads = ThreadPoolExecutor(
            concurrency, "passwords", initializer=_let_others_go_first
        )
        # One more than can hash: it asks the database meanwhile, and no thread is idle.
        self._turns = asyncio.Semaphore(concurrency + 1)
        self._queued = 0
        self._waiting = 0
        # Unknown users cost the same work as known ones: their password is held against this.
        self._nobody = _HASHER.hash(secrets.token_urlsafe(32))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is this login's turn, before it asks for anything that others need.

        Raises:
            Unavailable: too many wait already, or it took too long.
        """
        if self._queued >= MAX_WAITING:
            raise _too_many()
        self._queued += 1
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise _too_many() from None
        finally:
            self._queued -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def hash(self, password: str) -> str:
        """Return the encoded hash, with its salt and parameters."""
        return await self._in_turn(_HASHER.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one.

        For `None` (no such user, or one without a password) and for what is no hash of ours it
        never is, after the same work.
        """
        known = stored is not None and _ARGON2.identify(stored)
        held = stored if stored is not None and known else self._nobody
        matches = await self._in_turn(_HASHER.verify, password, held)
        return matches and known

    def is_outdated(self, stored: str) -> bool:
        """Whether passwords are hashed in another way than this one was.

        Verifying such a hash takes another time than a login of nobody, until its owner has logged
        in once: for as long, the account's existence can be told by a clock.
        """
        return _ARGON2.check_needs_rehash(stored)

    async def _in_turn(self, work: Callable[..., T], *arguments: str) -> T:
        """Return what the work returns, done in a thread.

        Raises:
            Unavailable: too many wait already.
        """
        if self._waiting >= MAX_WAITING:
            raise _too_many()
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1


def _too_many() -> Unavailable:
    return Unavailable("Too many are logging in; try again.", headers={"Retry-After": "5"})
