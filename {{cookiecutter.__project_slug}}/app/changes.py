"""Tells every worker that something it remembers is no longer true.

Whoever changes what others may remember publishes its id, after the commit: one entry of a Redis
stream. No worker listens to it; each reads on from where it stood, on the one round trip to Redis
that every request waits for anyway (the rate limits'). So a request that arrives after a change was
published has been through a trip that read of it, on whatever worker, and memory is asked only
after that (`is_read_since`). No clock is compared between machines, no message is lost in between.

It stops memory from outliving what it remembers. It does not stop a change that nobody published:
such memory ends by its age alone. When Redis is down, nothing is read, so nothing is believed and
nothing remembered; what could not be published then goes along with the next trip that succeeds.
A Redis that loses what it had acknowledged (a failover, an older copy) is noticed by the entry that
is missing where we stood, or by the new connection.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import RedisError

from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from redis.asyncio import Redis

    Listener = Callable[[Sequence[uuid.UUID] | None], None]

STREAM = "{rate-limits}:changes"
"""In the slot of the rate limits' keys: their script reads it (one slot only on Redis Cluster). No
count has this name: theirs hold an amount and a window."""
TIMEOUT_SECONDS = 0.25
"""How long publishing may take."""
PAGE = 100
"""Entries read at once. Whoever is further behind forgets everything instead."""
MAX_LENGTH = 10_000
"""Entries that Redis keeps, about a megabyte."""
MAX_IDS = 20
"""Ids in one entry. More of them are everything."""

EVERYTHING = b"*"
_FIELD = b"ids"

SCRIPT = f"""
local function changes(stream, position, first_unsent)
    for index = first_unsent, #ARGV do
        local sent = redis.pcall(
            'XADD', stream, 'MAXLEN', '~', {MAX_LENGTH}, '*', 'ids', ARGV[index]
        )
        if type(sent) == 'table' and sent.err then return false end
    end
    local found = redis.pcall('XRANGE', stream, position, '+', 'COUNT', {PAGE + 1})
    if found.err then return false end
    if #found > 0 and #found <= {PAGE} then return found end
    found = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', 1)
    if #found == 0 and not found.err then
        redis.pcall('XADD', stream, '*', 'ids', '*')
        found = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', 1)
    end
    if found.err or #found == 0 then return false end
    return found
end
"""
"""A function for the script that makes the trip. It gives the entries from `position` on, that one
included if it is still there; of too many or none, the last entry alone. A stream that is not there
is begun, so that there always is a last entry. `false`: it can't be read (a key of another kind, a
command that Redis does not know or permit), which must not fail the trip."""


class Errand(NamedTuple):
    """What a trip does for us."""

    began: float
    """`time.monotonic()`, before it left."""
    arguments: tuple[bytes, ...]
    """Where we stood, then the entries to publish."""


class Changes:
    """What one worker knows of the changes.

    Args:
        redis: where they are published; None without one. Then no trip is made, and since nothing
            is ever read, nothing is ever remembered.
        clock: monotonic seconds.
    """

    def __init__(self, redis: Redis | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._here: list[Any] = [[b"0-0", []]]
        """The entry where we stand, as a page of one."""
        self._read_at = float("-inf")
        self._is_readable = True
        self._unsent: list[bytes] = []
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have this called with the ids of what changed, or with None for everything."""
        self._listeners.append(listener)

    @property
    def is_read(self) -> bool:
        """Whether the last trip read them."""
        return self._read_at > float("-inf")

    def is_read_since(self, moment: float) -> bool:
        """Whether everything is known that was published before this moment (monotonic seconds)."""
        return self._read_at >= moment

    async def publish(self, *ids: uuid.UUID) -> bool:
        """Tell every worker that these changed, this one first; whether all could be told.

        Call it after the commit. It never raises for Redis's sake: what could not be sent goes
        along with the next trip of this worker, and memory elsewhere ends by its age.
        """
        self._tell(ids)
        return not ids or await self._send(_entry(ids))

    async def publish_everything(self) -> bool:
        """Tell every worker, this one first, to forget all that it remembers. See `publish`."""
        self._tell(None)
        return await self._send(EVERYTHING)

    async def _send(self, entry: bytes) -> bool:
        if self._redis is None:
            return True
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._redis.xadd(STREAM, {_FIELD: entry}, maxlen=MAX_LENGTH, approximate=True)
        except (RedisError, OSError, TimeoutError) as error:
            self._keep([entry])
            log_event(Event.CHANGES_UNPUBLISHED, reason=type(error).__name__)
            return False
        except BaseException:  # whoever asked for it has gone; the change is true all the same
            self._keep([entry])
            raise
        return True

    def errand(self) -> Errand:
        """Return what the trip that is about to leave is to do."""
        unsent, self._unsent = self._unsent, []
        return Errand(self._clock(), (self._here[0][0], *unsent))

    def take(self, errand: Errand, found: Any) -> None:
        """Take what a trip brought, and tell of it.

        Raises:
            RedisError: it is nothing that the script returns.
        """
        if found != self._here:
            if found is None:
                self._lose(errand)
                return
            self._move(found)
        self._read_at = errand.began
        self._is_readable = True

    def miss(self, errand: Errand) -> None:
        """Hear that a trip failed: nobody knows what it would have brought."""
        self._keep(errand.arguments[1:])
        self.forget()

    def forget(self) -> None:
        """Believe nothing until the next trip: what we talk to may be another Redis."""
        self._read_at = float("-inf")
        self._tell(None)

    def _lose(self, errand: Errand) -> None:
        if self._is_readable:  # once, not for every trip
            log_event(Event.CHANGES_UNREADABLE)
        self._is_readable = False
        self.miss(errand)

    def _move(self, found: Any) -> None:
        try:
            texts = [fields[1] for _, fields in found]
            last = found[-1]
        except (TypeError, ValueError, IndexError) as error:
            raise RedisError("an answer of another shape") from error
        ids = _ids(texts[1:]) if found[0] == self._here[0] else None
        self._here = [last]
        self._tell(ids)

    def _tell(self, ids: Sequence[uuid.UUID] | None) -> None:
        for listener in self._listeners:
            listener(ids)

    def _keep(self, entries: Sequence[bytes]) -> None:
        self._unsent += entries
        if len(self._unsent) > PAGE:
            self._unsent = [EVERYTHING]


def _entry(ids: Sequence[uuid.UUID]) -> bytes:
    if len(ids) > MAX_IDS:
        return EVERYTHING
    return " ".join(one.hex for one in ids).encode("ascii")


def _ids(texts: Sequence[bytes]) -> list[uuid.UUID] | None:
    """Return all ids in these entries; None if one of them says everything, or nothing we know."""
    try:
        return [uuid.UUID(one) for text in texts for one in text.decode("ascii").split(" ")]
    except (ValueError, AttributeError):
        return None


@asynccontextmanager
async def open_changes(redis: Redis | None) -> AsyncIterator[Changes]:
    """Give the changes for the life of the application."""
    yield Changes(redis)
