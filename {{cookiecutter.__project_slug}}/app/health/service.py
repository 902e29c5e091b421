"""Whether the service can do its work, asked at most once a second however often it is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anyio import Lock, fail_after

from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from app.database import Database
    from app.layers.authentication import KeySet

PATIENCE_SECONDS = 2.0
"""How long the dependencies may take to answer before the service calls itself not ready."""
REMEMBERED_SECONDS = 1.0
"""`/readyz` is open to strangers and not counted: it must not be a way to load the database."""


class Readiness:
    """The last answer and when it was given."""

    def __init__(self, database: Database, redis: Redis | None, keys: KeySet) -> None:
        self._database = database
        self._redis = redis
        self._keys = keys
        self._lock = Lock()
        self._is_ready = False
        self._asked_at = float("-inf")

    async def is_ready(self) -> bool:
        """Return whether the database and Redis answer, and tokens can be checked."""
        async with self._lock:
            if time.monotonic() - self._asked_at > REMEMBERED_SECONDS:
                self._is_ready = await self._ask()
                self._asked_at = time.monotonic()
            return self._is_ready

    async def _ask(self) -> bool:
        asked = "database"
        try:
            with fail_after(PATIENCE_SECONDS):
                await self._database.answers()
                if self._redis is not None:
                    asked = "redis"
                    await self._redis.ping()
        except Exception as error:  # noqa: BLE001 - each driver has its own; all mean not ready
            log_event(Event.SYS_NOT_READY, component=asked, reason=type(error).__name__)
            return False
        if not self._keys.is_open:
            log_event(Event.SYS_NOT_READY, component="keys", reason="no key can be believed")
        return self._keys.is_open
