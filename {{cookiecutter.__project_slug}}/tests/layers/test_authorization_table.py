"""Layer 8: every route, for everybody who may ask. The rows are data, see `access_table.py`."""

from __future__ import annotations

import secrets
import uuid
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from app.accounts.models import User
from app.accounts.sessions import Issuer, begin_session, end_sessions
from app.layers.authorization import Anyone, Authenticated, policies
from tests.access_table import EVERYBODY, Actor, environments, rows
from tests.in_process import PASSWORD, client_of, make_settings, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    import httpx
    from fastapi import FastAPI

    from tests.access_table import Made, Row, Who

pytestmark = pytest.mark.anyio

ROWS = rows()
CELLS = [
    pytest.param(domain, row, who, id=f"{row.route} as {who}")
    for domain, row in ROWS
    for who in EVERYBODY
]
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield environments(stack)


@pytest.fixture(scope="module")
async def app(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> AsyncIterator[FastAPI]:
    folder = tmp_path_factory.mktemp("service")
    async with running(make_settings(folder, **environment)) as app:
        yield app


@pytest.fixture(scope="module")
async def password_hash(app: FastAPI) -> str:
    found: str = await app.state.authentication.passwords.hash(PASSWORD)
    return found


class Stage:
    """Makes the actors of one cell, and what the owner among them has."""

    def __init__(self, app: FastAPI, password_hash: str) -> None:
        self.app = app
        self.password_hash = password_hash

    async def actor(self, role: str = "user", without: str | None = None) -> Actor:
        """Return a new user, logged in with a token for all that there is but one thing."""
        state = self.app.state
        email = f"{secrets.token_hex(8)}@example.com"
        scope = " ".join(sorted(state.scopes - {without}))
        async with state.database.sessions() as database:
            user = User(email=email, password_hash=self.password_hash, role=role)
            database.add(user)
            await database.flush()
            ids, token = await begin_session(
                database, state.settings.authentication, user.id, scope
            )
            await database.commit()
        issued = Issuer(state.authentication, state.sessions, state.scopes).tokens(
            ids, scope, token
        )
        client = client_of(self.app, Authorization=f"Bearer {issued.access_token}")
        return Actor(client, email, issued.refresh_token, ids)

    async def owner(self, domain: ModuleType) -> tuple[Actor, Made]:
        """Return a user, and what it made; the page of the docs is everybody's."""
        owner = await self.actor()
        make = getattr(domain, "make", None)
        return owner, {"page": "page.js"} | (await make(owner) if make is not None else {})

    async def asking(self, row: Row, who: Who, owner: Actor) -> httpx.AsyncClient:
        """Return the client of whoever asks."""
        if who == "anonymous":
            return client_of(self.app)
        if who == "other":
            return (await self.actor()).client
        if who == "administrator":
            return (await self.actor("admin")).client
        if who == "narrow":
            return await self._with_less(row.asks, owner)
        if who == "revoked":
            await self._revoke(owner)
        return owner.client

    async def _revoke(self, owner: Actor) -> None:
        async with self.app.state.database.sessions() as database:
            await end_sessions(database, owner.ids.user_id)
            await database.commit()
        await self.app.state.sessions.changed(owner.ids.user_id)

    async def _with_less(self, asks: Anyone | Authenticated, owner: Actor) -> httpx.AsyncClient:
        """Return the owner's client with a token for all but one thing, or for nothing."""
        if isinstance(asks, Authenticated) and asks.role is not None:
            return (await self.actor(asks.role, without=asks.scope)).client
        scope = asks.scope if isinstance(asks, Authenticated) else None
        scopes = self.app.state.scopes - {scope} if scope is not None else set()
        token = self.app.state.authentication.tokens.issue(*owner.ids, scopes)
        return client_of(self.app, Authorization=f"Bearer {token}")


@pytest.fixture
def stage(app: FastAPI, password_hash: str) -> Stage:
    return Stage(app, password_hash)


def same(answer: httpx.Response) -> Any:
    """Return what two answers of the same shape have in common."""
    assert answer.headers["content-type"] == "application/problem+json"
    names = sorted(set(answer.headers) - {"x-request-id"})
    return answer.status_code, answer.json() | {"request_id": ""}, names


async def test_every_route_has_a_row_and_every_row_a_route(app: FastAPI) -> None:
    asked = policies(app)
    table = {row.route: row.asks for _, row in ROWS}
    paths = {name.replace("{name}", "{page}"): policy for name, policy in asked.items()}
    assert len(table) == len(ROWS), "a route stands there twice"
    assert table == paths


@pytest.mark.parametrize(("domain", "row", "who"), CELLS)
async def test_a_cell(stage: Stage, domain: ModuleType, row: Row, who: Who) -> None:
    owner, made = await stage.owner(domain)
    client = await stage.asking(row, who, owner)
    sent = dict(row.sends(made))
    for header in OVERRIDES if row.method in {"GET", "POST"} else ():
        # No header makes it another method: what it gets is what the table says of this one.
        client.headers[header] = "DELETE" if row.method == "POST" else "POST"
    answer = await client.request(row.method, row.path(made), **sent)
    assert answer.status_code == row.answer(who), answer.text
    if row.answer(who) == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    if row.answer(who) == 403 and isinstance(row.asks, Authenticated) and row.asks.scope:
        says = f'scope="{row.asks.scope}"' in answer.headers.get("www-authenticate", "")
        assert says is (who == "narrow")


GETS = [
    pytest.param(domain, row, who, id=f"{row.route} as {who}")
    for domain, row in ROWS
    for who in ("anonymous", "other", "narrow")
    if row.method == "GET"
]


@pytest.mark.parametrize(("domain", "row", "who"), GETS)
async def test_another_method_gets_no_more_than_the_one_that_is_there(
    stage: Stage, domain: ModuleType, row: Row, who: Who
) -> None:
    owner, made = await stage.owner(domain)
    client = await stage.asking(row, who, owner)
    head = await client.head(row.path(made))
    assert head.status_code in {405, row.answer(who)}
    assert head.content == b""
    for method in ("OPTIONS", "TRACE", "QUERY"):
        assert (await client.request(method, row.path(made))).status_code in {404, 405}


@contextmanager
def statements(app: FastAPI) -> Iterator[list[str]]:
    """Give what is sent to the database while the block runs."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        sent.append(sql)

    engine = app.state.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


FOREIGN = [
    pytest.param(domain, row, id=row.route) for domain, row in ROWS if row.answer("other") == 404
]

if FOREIGN:  # nothing belongs to anybody in a project without the samples, until it has its own

    @pytest.mark.parametrize(("domain", "row"), FOREIGN)
    async def test_somebody_elses_is_as_what_nobody_has(
        stage: Stage, domain: ModuleType, row: Row
    ) -> None:
        """The same answer after the same statements, so that neither words nor time tell."""
        _, made = await stage.owner(domain)
        nothing = {name: str(uuid.uuid4()) for name in made} | {"page": made["page"]}
        other = await stage.actor()
        found = []
        for there in (made, nothing):
            with statements(stage.app) as sent:
                answer = await other.client.request(
                    row.method, row.path(there), **dict(row.sends(there))
                )
            found.append((same(answer), sent))
        assert found[0] == found[1]
        assert found[0][0][0] == 404
