"""Passwords: argon2id, in a bounded pool of threads.

argon2 releases the GIL, so hashing in threads leaves the event loop free; the limiter keeps a
login storm from taking all memory and every core.
"""

from __future__ import annotations

import secrets

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane; 26 ms against the library
# default's 140 to 200 (measured).
_HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


class Passwords:
    """Hashes and verifies passwords, a bounded number at once."""

    def __init__(self, concurrency: int) -> None:
        self._limiter = CapacityLimiter(concurrency)
        # Unknown users cost the same work as known ones: their password is held against this.
        self._nobody = _HASHER.hash(secrets.token_urlsafe(32))

    async def hash(self, password: str) -> str:
        """Return the encoded hash, with its salt and parameters."""
        return await to_thread.run_sync(_HASHER.hash, password, limiter=self._limiter)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; for `None` (no such user) never, as slowly."""
        matches = await to_thread.run_sync(
            _HASHER.verify, password, stored or self._nobody, limiter=self._limiter
        )
        return matches and stored is not None
