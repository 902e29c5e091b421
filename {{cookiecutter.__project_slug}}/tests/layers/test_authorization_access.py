"""Layer 8: who may, and what those who may not are told."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy.exc import OperationalError

from app.errors import NotFound
from app.layers.authentication import Unauthenticated
from app.layers.authorization import (
    Authenticated,
    Owner,
    Principal,
    may,
    policies,
)
from tests.layers.small_app import client_of, logged_by, small_app
from tests.owned_things import ANN, Person, Thing, acting, id_of

if TYPE_CHECKING:
    from app.database import Database

STATE = {"settings": SimpleNamespace(https=SimpleNamespace(allowed_hosts=("api.example",)))}


def app_with(*dependencies: Any) -> FastAPI:
    """Return an application with one route that demands all of these."""
    app = small_app(**STATE)

    @app.get("/", dependencies=[Depends(one) for one in dependencies])
    async def done() -> str:
        return "done"

    return app


@pytest.mark.parametrize(
    ("role", "needed", "verdict"),
    [
        ("user", None, True),
        ("admin", None, True),
        ("admin", "admin", True),
        ("user", "admin", False),
        ("administrator", "admin", False),
        ("admin user", "admin", False),
        ("", "admin", False),
    ],
)
def test_a_role_is_compared_whole(role: str, needed: str | None, *, verdict: bool) -> None:
    assert may(Principal(uuid.uuid4(), uuid.uuid4(), role), needed) is verdict


@pytest.mark.parametrize(
    ("scopes", "needed", "verdict"),
    [
        (("notes:read",), None, True),
        ((), None, True),
        (("notes:read",), "notes:read", True),
        (("notes:write", "notes:read"), "notes:read", True),
        ((), "notes:read", False),
        (("notes:write",), "notes:read", False),
        (("notes",), "notes:read", False),
        (("notes:read",), "notes", False),
        (("notes:read notes:write",), "notes:read", False),
        (("NOTES:READ",), "notes:read", False),
        (("*",), "notes:read", False),
        (("admin",), "notes:read", False),
        (("notes:readonly",), "notes:read", False),
        (("",), "notes:read", False),
    ],
    ids=str,
)
def test_a_scope_is_compared_whole(
    scopes: tuple[str, ...], needed: str | None, *, verdict: bool
) -> None:
    principal = Principal(uuid.uuid4(), uuid.uuid4(), "admin", frozenset(scopes))
    assert may(principal, None, needed) is verdict


@pytest.mark.parametrize(
    ("role", "scopes", "verdict"),
    [
        ("admin", {"admin"}, True),
        ("admin", set(), False),
        ("user", {"admin"}, False),
    ],
    ids=str,
)
def test_a_role_and_a_scope_are_needed_both(role: str, scopes: set[str], *, verdict: bool) -> None:
    principal = Principal(uuid.uuid4(), uuid.uuid4(), role, frozenset(scopes))
    assert may(principal, "admin", "admin") is verdict


@pytest.mark.parametrize("scope", ["", "a b", 'a"b', "a\\b", "ä", "a\n"], ids=repr)
def test_a_scope_that_no_token_could_have_is_refused_where_it_is_written(scope: str) -> None:
    with pytest.raises(ValueError, match="one word"):
        Authenticated(scope=scope)


@pytest.fixture
def principal(monkeypatch: pytest.MonkeyPatch) -> list[Principal | Exception]:
    """Who asks, or how it fails to be found out: one item, which a test puts there."""
    asked: list[Principal | Exception] = []

    async def answer(_request: object) -> Principal:
        (found,) = asked
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("app.layers.authorization.access.authenticate", answer)
    return asked


def somebody(role: str = "user", *scopes: str) -> Principal:
    return Principal(uuid.uuid4(), uuid.uuid4(), role, frozenset(scopes))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("who", "status"),
    [
        (somebody("user", "notes:read"), 200),
        (somebody("user", "notes:write"), 403),
        (Unauthenticated(), 401),
        (OperationalError("SELECT", {}, Exception("down")), 503),
        (RuntimeError("a bug"), 500),
    ],
    ids=["may", "may not", "nobody", "database down", "bug"],
)
async def test_a_policy_that_fails_denies(
    principal: list[Principal | Exception], who: Principal | Exception, status: int
) -> None:
    principal.append(who)
    async with client_of(app_with(Authenticated(scope="notes:read"))) as client:
        answer = await client.get("/")
    assert answer.status_code == status
    assert ("done" in answer.text) is (status == 200)


@pytest.mark.anyio
async def test_a_403_says_which_scope_is_needed_and_nothing_of_a_role(
    principal: list[Principal | Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = logged_by("app.layers.authorization.access", monkeypatch)
    app = app_with(Authenticated("admin", "admin"))
    principal.append(somebody("user"))
    async with client_of(app) as client:
        by_role = await client.get("/")
        principal[:] = [somebody("admin")]
        by_scope = await client.get("/")
    assert "www-authenticate" not in by_role.headers
    challenge = by_scope.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="admin"' in challenge
    event = {"event": "authz_fail", "needs": "admin", "needs_scope": "admin"}
    assert logged == [event, event]


OwnThing = Annotated[Thing, Depends(Owner(Thing, "thing_id", scope="things"))]


@pytest.mark.anyio
async def test_who_asks_is_known_before_an_id_is_looked_at(
    principal: list[Principal | Exception],
) -> None:
    """Otherwise strangers would learn which ids are well formed, and read the database."""
    app = small_app(**STATE)

    @app.get("/things/{thing_id}")
    async def read(thing: OwnThing) -> str:
        return str(thing)

    principal.append(Unauthenticated())
    async with client_of(app) as client:
        for path in ("/things/x", f"/things/{uuid.uuid4()}"):
            assert (await client.get(path)).status_code == 401
        principal[:] = [somebody("user")]
        assert (await client.get("/things/x")).status_code == 403
    assert policies(app)["GET /things/{thing_id}"] == Authenticated(scope="things")


def test_what_belongs_to_nobody_is_nobodys_to_be_handed() -> None:
    """Nothing would limit the query to the principal's rows."""
    with pytest.raises(TypeError, match="Person is not Owned"):
        Owner(Person, "person_id")


@pytest.mark.anyio
async def test_an_endpoint_is_handed_what_the_principal_owns(database: Database) -> None:
    owner = Owner(Thing, "thing_id")
    async with database.sessions() as session:
        with acting(ANN):
            for name in ("ann 1", "ann 2"):
                thing = await owner(access=ANN, database=session, thing_id=id_of(name))
                assert thing.name == name
            for foreign in (id_of("bob 1"), id_of("nobody's")):
                with pytest.raises(NotFound):
                    await owner(access=ANN, database=session, thing_id=foreign)
