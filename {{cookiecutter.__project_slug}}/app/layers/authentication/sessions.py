"""Whether a session still stands: the database decides, and its word is remembered for seconds.

Memory is asked only by requests that have read, to its end, the news of what changed
(`app/changes.py`), so that a request that arrives after a logout was answered is refused, on every
worker. Without Redis there is no news, and every request asks the database.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from sqlalchemy import select

from app.accounts.models import Session, User
from app.errors import Unavailable
from app.layers.authentication.jose import InvalidTokenError
from app.layers.authentication.principal import Principal
from app.layers.authentication.provisioning import make_known
from app.layers.authentication.session_memory import Memory, Remembered
from app.layers.logs import log_unexpected

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from app.changes import Changes
    from app.database import Database
    from app.layers.authentication.claims import Claims
    from app.layers.authentication.settings import AuthenticationSettings

MAX_QUERIES = 2
"""At once. While both are under way, those who come gather for the next: many ask as one."""
TIMEOUT_SECONDS = 5.0
"""How long a query may take. A database that hangs would keep everybody waiting."""
FOREVER = float("inf")


class Standing(NamedTuple):
    """What the database says of a session or, when another issuer keeps those, of a user."""

    user_id: uuid.UUID
    role: str
    ends: float
    """Seconds since the epoch: the session itself runs out."""


class _Question(NamedTuple):
    claims: Claims
    answer: asyncio.Future[Principal]


class _Heard:
    """What changed while a query was under way: what it read of that may be older."""

    def __init__(self) -> None:
        self.ids: set[uuid.UUID] = set()
        self.is_everything = False

    def add(self, ids: Sequence[uuid.UUID] | None) -> None:
        if ids is None:
            self.is_everything = True
        else:
            self.ids.update(ids)

    def concerns(self, claims: Claims) -> bool:
        return self.is_everything or not self.ids.isdisjoint({claims.user_id, claims.session_id})


class Sessions:
    """Knows which sessions stand.

    Args:
        database: what decides.
        changes: what tells that it decided otherwise.
        memory_seconds: how long its word is remembered; 0: never.
        make_known: called for a user of another issuer that the database does not know yet, with
            what the token says; makes the row.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        database: Database,
        changes: Changes,
        memory_seconds: float,
        *,
        make_known: Callable[[Claims], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._changes = changes
        self._memory_seconds = memory_seconds
        self._make_known = make_known
        self._clock = clock
        self.memory = Memory()
        self._waiting: list[_Question] = []
        self._askers: set[asyncio.Task[None]] = set()
        self._under_way: set[_Heard] = set()
        changes.listen(self._hear)

    def remembered(self, claims: Claims, arrived: float) -> Principal | None:
        """Return whose session this is, if that is remembered and was confirmed since.

        Args:
            claims: what the token says.
            arrived: monotonic seconds, when its request arrived: changes from before are known.
        """
        entry = self.memory.get(claims.session_id or claims.user_id)
        if entry is None or not self._changes.is_read_since(arrived):
            return None
        principal, until, ends = entry
        if self._clock() >= until or time.time() >= ends:
            return None
        # The claims of a token that is remembered are the same objects, mostly: an id compares in
        # Python, which takes longer than the rest of this.
        if principal.user_id is not claims.user_id and principal.user_id != claims.user_id:
            return None
        if principal.scopes is not claims.scopes and principal.scopes != claims.scopes:
            return replace(principal, scopes=claims.scopes)
        return principal

    async def ask(self, claims: Claims) -> Principal:
        """Return whose session this is, as the database has it now.

        Raises:
            InvalidTokenError: the session was ended or has run out, or the user was disabled.
            Unavailable: the database does not answer.
        """
        loop = asyncio.get_running_loop()
        question = _Question(claims, loop.create_future())
        self._waiting.append(question)
        # Where more wait, a task that has not begun yet takes this one along, or those under way
        # will. Its own task and context: a client that goes away must not take the others along,
        # and what it logs belongs to no single request.
        if len(self._waiting) == 1 and len(self._askers) < MAX_QUERIES:
            self._askers.add(loop.create_task(self._ask_for_all(), context=Context()))
        return await question.answer

    async def changed(self, *ids: uuid.UUID) -> bool:
        """Tell every worker that these sessions or users changed; whether all could be told.

        Call it after the commit: who asks the database before it still gets the old answer.
        """
        return await self._changes.publish(*ids)

    async def aclose(self) -> None:
        """Stop; whoever still waits hears that there is no answer."""
        askers = tuple(self._askers)
        for asker in askers:
            asker.cancel()
        await asyncio.gather(*askers, return_exceptions=True)
        _fail(self._waiting)

    def _hear(self, ids: Sequence[uuid.UUID] | None) -> None:
        for heard in self._under_way:
            heard.add(ids)
        if ids is None:
            self.memory.clear()
            return
        for one in ids:
            self.memory.drop(one)
            self.memory.drop_all_of(one)

    async def _ask_for_all(self) -> None:
        try:
            while self._waiting:
                questions, self._waiting = self._waiting, []
                await self._ask_for(questions)
        finally:
            # Here and not in a callback: whoever comes next must not count on this one.
            self._askers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _ask_for(self, questions: list[_Question]) -> None:
        heard = _Heard()
        self._under_way.add(heard)
        began = self._clock()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                standings = await self._standings([one.claims for one in questions])
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody is let in
            log_unexpected(error)
        else:
            for question in questions:
                self._answer(question, standings, heard, began)
        finally:
            self._under_way.discard(heard)
            _fail(questions)

    def _answer(
        self,
        question: _Question,
        standings: dict[uuid.UUID, Standing],
        heard: _Heard,
        began: float,
    ) -> None:
        claims = question.claims
        key = claims.session_id or claims.user_id
        standing = standings.get(key)
        if question.answer.done():  # its request was given up
            return
        if standing is None or standing.user_id != claims.user_id or standing.ends <= time.time():
            question.answer.set_exception(InvalidTokenError("the session has ended"))
            return
        principal = Principal(claims.user_id, claims.session_id, standing.role, claims.scopes)
        question.answer.set_result(principal)
        if self._memory_seconds > 0 and self._changes.is_read and not heard.concerns(claims):
            until = began + self._memory_seconds
            self.memory.put(key, Remembered(principal, until, standing.ends))

    async def _standings(self, asked: list[Claims]) -> dict[uuid.UUID, Standing]:
        """Return what the database says of these, without those that have ended, by their key."""
        sessions = {one.session_id for one in asked if one.session_id is not None}
        users = {one.user_id: one for one in asked if one.session_id is None}
        found: dict[uuid.UUID, Standing] = {}
        if sessions:
            found |= await self._of_sessions(sessions)
        if users:
            found |= await self._of_users(users)
        return found

    async def _of_sessions(self, ids: set[uuid.UUID]) -> dict[uuid.UUID, Standing]:
        query = (
            select(Session.id, Session.user_id, User.role, Session.expires_at)
            .join(User, Session.user_id == User.id)
            .where(
                Session.id.in_(ids),
                Session.revoked_at.is_(None),
                User.disabled_at.is_(None),
            )
        )
        async with self._database.engine.connect() as connection:
            rows = await connection.execute(query)
            return {
                session_id: Standing(user_id, role, expires_at.timestamp())
                for session_id, user_id, role, expires_at in rows
            }

    async def _of_users(self, asked: dict[uuid.UUID, Claims]) -> dict[uuid.UUID, Standing]:
        query = select(User.id, User.role, User.disabled_at)
        async with self._database.engine.connect() as connection:
            rows = (await connection.execute(query.where(User.id.in_(asked)))).all()
        unknown = asked.keys() - {row.id for row in rows}
        if unknown and self._make_known is not None:
            for user_id in unknown:
                await self._make_known(asked[user_id])
            async with self._database.engine.connect() as connection:
                rows = (await connection.execute(query.where(User.id.in_(asked)))).all()
        return {row.id: Standing(row.id, row.role, FOREVER) for row in rows if not row.disabled_at}


def _fail(questions: list[_Question]) -> None:
    """Tell whoever has no answer yet that there is none."""
    for question in questions:
        if not question.answer.done():
            # One each: an exception that many raise gathers all their stacks.
            question.answer.set_exception(Unavailable("Try again later."))


@asynccontextmanager
async def open_sessions(
    settings: AuthenticationSettings, database: Database, changes: Changes
) -> AsyncIterator[Sessions]:
    """Give the sessions for the life of the application."""
    known = partial(make_known, database) if settings.trusts_another_issuer else None
    memory_seconds = settings.session_memory_seconds
    sessions = Sessions(database, changes, memory_seconds, make_known=known)
    try:
        yield sessions
    finally:
        await sessions.aclose()
