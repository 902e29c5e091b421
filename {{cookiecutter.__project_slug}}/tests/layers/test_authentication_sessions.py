"""What is remembered of a session, and that nothing of it outlives what ended it.

The database is a double here, which answers when a test lets it: so each order of things can be
told. `test_authentication_revocation.py` has the real one.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.datastructures import State
from starlette.requests import Request
from typing_extensions import override

from app.changes import Changes
from app.errors import Unavailable
from app.layers.authentication import (
    Claims,
    InvalidTokenError,
    Principal,
    Sessions,
    Unauthenticated,
    authenticate,
    session_memory,
)
from app.layers.authentication import sessions as module
from app.layers.authentication.sessions import Standing
from app.request_context import SCOPE_KEY, RequestContext, context_of
from app.settings import Settings

if TYPE_CHECKING:
    from tests.layers.conftest import Clock

pytestmark = pytest.mark.anyio

USER, SESSION, OTHER = (uuid.UUID(int=number) for number in range(1, 4))
LATER = time.time() + 3600
SCOPES = frozenset({"notes:read", "notes:write"})


def claims(
    session: uuid.UUID | None = SESSION, user: uuid.UUID = USER, scopes: frozenset[str] = SCOPES
) -> Claims:
    return Claims(user, session, "1", scopes, 0, 0, int(LATER), str(user))


class Asked(Sessions):
    """Sessions of a database that is a table, and reads it at once but may answer later."""

    def __init__(self, changes: Changes, memory_seconds: float, **options: Any) -> None:
        super().__init__(None, changes, memory_seconds, **options)  # type: ignore[arg-type]
        self.table = {SESSION: Standing(USER, "user", LATER)}
        self.queries: list[Counter[uuid.UUID]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.trouble: Exception | None = None

    @override
    async def _standings(self, asked: list[Claims]) -> dict[uuid.UUID, Standing]:
        keys = Counter(one.session_id or one.user_id for one in asked)
        self.queries.append(keys)
        found = {key: self.table[key] for key in keys if key in self.table}
        await self.answers.wait()
        if self.trouble is not None:
            raise self.trouble
        return found


class World:
    """One worker: its changes, which a test lets arrive, and its sessions."""

    def __init__(self, clock: Clock, memory_seconds: float = 10) -> None:
        self.clock = clock
        self.changes = Changes(None, clock)
        self.sessions = Asked(self.changes, memory_seconds, clock=clock)
        self.entries = 0

    def trip(self, *ids: uuid.UUID) -> None:
        """Let a trip bring the news of these."""
        page = [[b"%d-0" % self.entries, self._entry]]
        for one in ids:
            self.entries += 1
            self._entry = [b"ids", one.hex.encode()]
            page.append([b"%d-0" % self.entries, self._entry])
        self.changes.take(self.changes.errand(), page)

    _entry = [b"ids", b"*"]  # noqa: RUF012 - replaced, not changed

    def fail(self) -> None:
        """Let a trip fail."""
        self.changes.miss(self.changes.errand())

    def recall(self, given: Claims | None = None) -> Principal | None:
        """Ask memory for a request that arrives now, after its trip."""
        self.trip()
        return self.sessions.remembered(given or claims(), self.clock())


@pytest.fixture
def world(clock: Clock) -> World:
    """A worker that has read the news."""
    made = World(clock)
    made.trip()
    return made


async def test_the_database_is_asked_once_and_then_remembered(world: World) -> None:
    assert world.recall() is None
    principal = await world.sessions.ask(claims())
    assert principal == Principal(USER, SESSION, "user", SCOPES)
    assert world.recall() is principal
    assert len(world.sessions.queries) == 1


async def test_a_request_that_arrived_after_the_last_trip_gets_nothing_from_memory(
    world: World,
) -> None:
    await world.sessions.ask(claims())
    world.clock.now += 0.001
    assert world.sessions.remembered(claims(), world.clock()) is None
    assert world.sessions.remembered(claims(), world.clock() - 0.001) is not None
    assert world.recall() is not None


@pytest.mark.parametrize("changed", [SESSION, USER], ids=["the session", "the user"])
async def test_what_another_worker_changed_is_forgotten_before_the_request_asks(
    world: World, changed: uuid.UUID
) -> None:
    await world.sessions.ask(claims())
    world.trip(changed)
    assert world.recall() is None


@pytest.mark.parametrize("changed", [SESSION, USER], ids=["the session", "the user"])
async def test_what_this_worker_changed_is_forgotten_at_once(
    world: World, changed: uuid.UUID
) -> None:
    await world.sessions.ask(claims())
    await world.sessions.changed(changed)
    assert world.sessions.remembered(claims(), world.clock()) is None


async def test_what_others_change_leaves_the_rest_remembered(world: World) -> None:
    world.sessions.table[OTHER] = Standing(USER, "user", LATER)
    await world.sessions.ask(claims())
    await world.sessions.ask(claims(OTHER))
    world.trip(OTHER, uuid.uuid4())
    assert world.recall() is not None
    assert world.recall(claims(OTHER)) is None


async def test_a_user_who_changed_is_forgotten_in_every_session(world: World) -> None:
    world.sessions.table[OTHER] = Standing(USER, "user", LATER)
    await asyncio.gather(world.sessions.ask(claims()), world.sessions.ask(claims(OTHER)))
    world.trip(USER)
    assert world.recall() is None
    assert world.recall(claims(OTHER)) is None


async def test_a_failed_trip_makes_forget_everything(world: World) -> None:
    await world.sessions.ask(claims())
    world.fail()
    assert world.recall() is None


@pytest.mark.parametrize("how", ["session", "user", "news", "everything", "failed trip"])
async def test_an_answer_that_was_overtaken_is_not_remembered(world: World, how: str) -> None:
    world.sessions.answers.clear()
    asking = asyncio.ensure_future(world.sessions.ask(claims()))
    await _until_asked(world, 1)
    if how == "session":
        await world.sessions.changed(SESSION)
    elif how == "user":
        await world.sessions.changed(USER)
    elif how == "news":
        world.trip(OTHER, SESSION)
    elif how == "everything":
        world.changes.forget()
        world.trip()
    else:
        world.fail()
        world.trip()
    world.sessions.answers.set()
    assert (await asking).role == "user"
    assert world.recall() is None


async def test_an_answer_that_something_else_overtook_is_remembered(world: World) -> None:
    world.sessions.answers.clear()
    asking = asyncio.ensure_future(world.sessions.ask(claims()))
    await _until_asked(world, 1)
    world.trip(OTHER)
    world.sessions.answers.set()
    await asking
    assert world.recall() is not None


async def test_whoever_comes_later_does_not_join_a_query_that_is_under_way(world: World) -> None:
    """It may have read what was true before a logout that this one comes after."""
    world.sessions.answers.clear()
    early = asyncio.ensure_future(world.sessions.ask(claims()))
    await _until_asked(world, 1)
    del world.sessions.table[SESSION]
    late = asyncio.ensure_future(world.sessions.ask(claims()))
    await _until_asked(world, 2)
    world.sessions.answers.set()
    assert (await early).session_id == SESSION
    with pytest.raises(InvalidTokenError):
        await late


async def _until_asked(world: World, number: int) -> None:
    async with asyncio.timeout(10):
        while len(world.sessions.queries) < number:  # noqa: ASYNC110 - a turn of the loop
            await asyncio.sleep(0)


async def test_those_of_one_moment_ask_as_one(world: World) -> None:
    ids = [uuid.uuid4() for _ in range(20)]
    world.sessions.table |= {one: Standing(USER, "user", LATER) for one in ids}
    found = await asyncio.gather(*(world.sessions.ask(claims(one)) for one in ids * 5))
    assert [one.session_id for one in found] == ids * 5
    assert world.sessions.queries == [Counter(ids * 5)]


async def test_while_two_queries_are_under_way_the_others_gather_for_the_next(
    world: World,
) -> None:
    world.sessions.answers.clear()
    asking = []
    for number in range(1, 50):
        asking.append(asyncio.ensure_future(world.sessions.ask(claims())))
        await _until_asked(world, min(number, 2))
        await asyncio.sleep(0)
    assert len(world.sessions.queries) == 2
    world.sessions.answers.set()
    await asyncio.gather(*asking)
    assert [query.total() for query in world.sessions.queries] == [1, 1, 47]


async def test_nobody_is_left_waiting_whenever_they_come(world: World) -> None:
    async def come(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await world.sessions.ask(claims())

    async with asyncio.timeout(10):
        await asyncio.gather(*(come(turns) for turns in range(60) for _ in range(3)))


async def test_a_request_that_is_given_up_takes_no_other_along(world: World) -> None:
    world.sessions.answers.clear()
    given_up = asyncio.ensure_future(world.sessions.ask(claims()))
    other = asyncio.ensure_future(world.sessions.ask(claims()))
    await _until_asked(world, 1)
    given_up.cancel()
    world.sessions.answers.set()
    assert (await other).session_id == SESSION


async def test_when_the_database_fails_everybody_is_told_and_the_log_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[BaseException] = []
    monkeypatch.setattr(module, "log_unexpected", logged.append)
    world.sessions.trouble = ConnectionRefusedError()
    asking = (world.sessions.ask(claims()) for _ in range(30))
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert len({id(answer) for answer in answers}) == 30, "one that all raise grows with each"
    assert logged == [world.sessions.trouble]
    world.sessions.trouble = None
    assert (await world.sessions.ask(claims())).user_id == USER


async def test_a_database_that_hangs_is_waited_for_so_long_and_no_longer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.01)
    world.sessions.answers.clear()
    with pytest.raises(Unavailable):
        await world.sessions.ask(claims())
    world.sessions.answers.set()
    assert (await world.sessions.ask(claims())).user_id == USER


async def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_memory, "MAX_REMEMBERED", 3)
    ids = [uuid.uuid4() for _ in range(5)]
    for one in ids:
        world.sessions.table[one] = Standing(one, "user", LATER)
        await world.sessions.ask(claims(one, user=one))
    known = [world.recall(claims(one, user=one)) is not None for one in ids]
    assert known == [False, False, True, True, True]
    assert len(world.sessions.memory) == 3
    await world.sessions.changed(*ids)
    assert len(world.sessions.memory) == 0
    assert not world.sessions.memory._keys_of, "nothing of a user stays behind"  # noqa: SLF001


async def test_the_same_session_takes_one_place_however_often_it_is_asked_for(
    world: World,
) -> None:
    for _ in range(5):
        await world.sessions.ask(claims())
    assert len(world.sessions.memory) == 1


async def test_memory_ends_by_its_age_counted_from_before_the_question(world: World) -> None:
    world.sessions.answers.clear()
    asking = asyncio.ensure_future(world.sessions.ask(claims()))
    await _until_asked(world, 1)
    world.clock.now += 4
    world.sessions.answers.set()
    await asking
    world.clock.now += 5.999
    assert world.recall() is not None
    world.clock.now += 0.001
    assert world.recall() is None


async def test_a_session_that_runs_out_while_it_is_remembered_has_run_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.sessions.ask(claims())
    assert world.recall() is not None
    monkeypatch.setattr(time, "time", lambda: LATER)
    assert world.recall() is None
    with pytest.raises(InvalidTokenError):
        await world.sessions.ask(claims())


async def test_nothing_is_remembered_when_nothing_may_be(clock: Clock) -> None:
    world = World(clock, memory_seconds=0)
    world.trip()
    await world.sessions.ask(claims())
    assert world.recall() is None
    assert len(world.sessions.memory) == 0


async def test_nothing_is_remembered_while_no_news_is_read(clock: Clock) -> None:
    world = World(clock)
    await world.sessions.ask(claims())
    assert len(world.sessions.memory) == 0
    world.trip()
    world.fail()
    await world.sessions.ask(claims())
    assert world.recall() is None


async def test_each_token_has_its_own_scopes_though_the_session_is_one(world: World) -> None:
    await world.sessions.ask(claims())
    less = world.recall(claims(scopes=frozenset({"notes:read"})))
    assert less == Principal(USER, SESSION, "user", frozenset({"notes:read"}))
    again = world.recall()
    assert again is not None
    assert again.scopes == SCOPES


async def test_a_session_of_another_user_is_none(world: World) -> None:
    with pytest.raises(InvalidTokenError):
        await world.sessions.ask(claims(user=OTHER))
    await world.sessions.ask(claims())
    assert world.recall(claims(user=OTHER)) is None


async def test_a_role_is_the_databases_and_changes_at_once(world: World) -> None:
    assert (await world.sessions.ask(claims())).role == "user"
    world.sessions.table[SESSION] = Standing(USER, "admin", LATER)
    world.trip(USER)
    assert world.recall() is None
    assert (await world.sessions.ask(claims())).role == "admin"


async def test_a_session_that_has_ended_is_asked_for_each_time(world: World) -> None:
    world.sessions.table.clear()
    for number in range(1, 4):
        with pytest.raises(InvalidTokenError):
            await world.sessions.ask(claims())
        assert world.recall() is None
        assert len(world.sessions.queries) == number


async def test_whoever_waits_when_it_closes_hears_that_there_is_no_answer(world: World) -> None:
    world.sessions.answers.clear()
    asking = []
    for number in range(1, 6):
        asking.append(asyncio.ensure_future(world.sessions.ask(claims())))
        await _until_asked(world, min(number, 2))
        await asyncio.sleep(0)
    await world.sessions.aclose()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 5


class Verifier:
    """Believes every token, and counts how often it is asked."""

    def __init__(self, found: Claims) -> None:
        self.found = found
        self.asked = 0

    def remembered(self, token: str) -> Claims:
        assert token == "anything"
        self.asked += 1
        return self.found


def request_with(world: World, verifier: Verifier) -> Request:
    """Return a request that arrives now."""
    state = State()
    state.authentication = SimpleNamespace(verifier=verifier)
    state.sessions, state.settings = world.sessions, Settings()
    app = SimpleNamespace(state=state)
    context = RequestContext("0" * 32, arrived=world.clock())
    headers = [(b"authorization", b"Bearer anything"), (b"host", b"localhost")]
    return Request({"type": "http", "app": app, "headers": headers, SCOPE_KEY: context})


async def test_who_asks_is_noted_for_the_layers_further_on(world: World) -> None:
    request = request_with(world, Verifier(claims()))
    principal = await authenticate(request)
    context = context_of(request.scope)
    assert context.principal is principal
    assert principal == Principal(USER, SESSION, "user", SCOPES)
    assert context.account == str(USER)


async def test_another_issuers_user_is_noted_by_the_id_that_it_has_here(world: World) -> None:
    world.sessions.table[USER] = Standing(USER, "user", LATER)
    foreign = Claims(USER, None, "1", SCOPES, 0, 0, int(LATER), "auth0|ann@example.com")
    request = request_with(world, Verifier(foreign))
    assert await authenticate(request) == Principal(USER, None, "user", SCOPES)
    assert context_of(request.scope).account == str(USER)


async def test_several_policies_on_one_route_ask_once(world: World) -> None:
    verifier = Verifier(claims())
    request = request_with(world, verifier)
    assert await authenticate(request) is await authenticate(request)
    assert verifier.asked == 1


async def test_of_a_request_that_is_refused_nothing_is_noted(world: World) -> None:
    world.sessions.table.clear()
    request = request_with(world, Verifier(claims()))
    with pytest.raises(Unauthenticated):
        await authenticate(request)
    assert context_of(request.scope).principal is None
    assert context_of(request.scope).account is None


async def test_a_request_counts_from_its_arrival(world: World) -> None:
    """Memory is believed when a trip to Redis left after it, and the database is asked else."""
    for _ in range(2):
        await authenticate(request_with(world, Verifier(claims())))
    assert len(world.sessions.queries) == 1
    world.clock.now += 1
    await authenticate(request_with(world, Verifier(claims())))
    assert len(world.sessions.queries) == 2
