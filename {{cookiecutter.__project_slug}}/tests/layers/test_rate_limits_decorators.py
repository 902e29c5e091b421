"""slowapi's decorators: what they limit, and that they change nothing else."""

from __future__ import annotations

import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import slowapi
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel
from starlette.middleware import Middleware

from app.layers.authentication import Principal
from app.layers.rate_limits import (
    Limiter,
    MemoryStore,
    RateLimits,
    RateLimitsMiddleware,
    RateLimitsSettings,
    limiter,
    setting,
)
from app.request_context import context_of
from tests.layers.small_app import client_of, small_app

if TYPE_CHECKING:
    import httpx

    from tests.layers.conftest import Clock

pytestmark = pytest.mark.anyio


class Body(BaseModel):
    """A body to be validated."""

    number: int


@pytest.fixture
def app(clock: Clock) -> FastAPI:
    """An application without routes."""
    settings = RateLimitsSettings(login="2/minute")
    return small_app(
        Middleware(RateLimitsMiddleware, settings=settings),
        settings=SimpleNamespace(rate_limits=settings),
        rate_limits=RateLimits(None, workers=1, local=MemoryStore(clock=clock)),
    )


async def _statuses(app: FastAPI, *paths: str, method: str = "GET", **headers: str) -> list[int]:
    async with client_of(app, **headers) as client:
        return [(await client.request(method, path)).status_code for path in paths]


async def _answer(app: FastAPI, path: str) -> httpx.Response:
    async with client_of(app) as client:
        return await client.get(path)


def test_it_is_a_limiter_of_slowapi() -> None:
    assert isinstance(limiter, slowapi.Limiter)


def test_the_environment_can_not_turn_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATELIMIT_ENABLED", "false")
    assert not hasattr(Limiter(), "enabled")


async def test_a_route_in_an_included_router_is_limited(app: FastAPI) -> None:
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")

    @inner.get("/a")
    @limiter.limit("2/minute")
    async def endpoint(request: Request) -> str:
        return request.method

    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    assert await _statuses(app, *["/api/outer/inner/a"] * 3) == [200, 200, 429]


async def test_a_synchronous_endpoint_is_limited_and_stays_off_the_event_loop(
    app: FastAPI,
) -> None:
    @app.get("/a")
    @limiter.limit("1/minute")
    def endpoint(request: Request) -> bool:
        del request
        return threading.current_thread() is threading.main_thread()

    assert (await _answer(app, "/a")).json() is False
    assert (await _answer(app, "/a")).status_code == 429


async def test_a_limit_is_read_from_the_settings_of_the_application(app: FastAPI) -> None:
    @app.get("/a")
    @limiter.limit(setting("login"))
    async def endpoint(request: Request) -> str:
        return request.method

    assert await _statuses(app, *["/a"] * 3) == [200, 200, 429]


def test_a_setting_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(ValueError, match="RATE_LIMITS__LOGINS is not a setting"):
        setting("logins")


def test_a_limit_that_can_not_be_read_stops_the_start() -> None:
    with pytest.raises(ValueError, match="not a limit"):

        @limiter.limit("often")
        async def endpoint(request: Request) -> str:
            return request.method


def test_an_endpoint_without_the_request_stops_the_start() -> None:
    with pytest.raises(TypeError, match="request: Request"):

        @limiter.limit("1/minute")
        async def endpoint() -> str:
            return "ok"


def test_an_endpoint_that_generates_stops_the_start() -> None:
    with pytest.raises(TypeError, match="generator"):

        @limiter.limit("1/minute")
        def endpoint(request: Request) -> Iterator[str]:
            yield request.method

    with pytest.raises(TypeError, match="generator"):

        @limiter.limit("1/minute")
        async def other(request: Request) -> AsyncIterator[str]:
            yield request.method


async def test_the_framework_still_sees_the_endpoints_signature(app: FastAPI) -> None:
    @app.post("/a/{part}")
    @limiter.limit("100/minute")
    async def endpoint(request: Request, part: int, body: Body, more: int = 5) -> int:
        """Say something."""
        del request
        return part + body.number + more

    assert endpoint.__name__ == "endpoint"
    assert endpoint.__doc__ == "Say something."
    async with client_of(app) as client:
        assert (await client.post("/a/1", json={"number": 2})).json() == 8
        assert (await client.post("/a/x", json={"number": 2})).status_code == 422
        assert (await client.post("/a/1", json={"number": "x"})).status_code == 422


async def test_an_answer_tells_of_the_routes_limit_beside_the_clients(app: FastAPI) -> None:
    @app.get("/a")
    @limiter.limit(setting("login"))
    async def endpoint(request: Request) -> str:
        return request.method

    answer = await _answer(app, "/a")
    assert answer.headers["ratelimit"] == '"per-client";r=99;t=900, "login";r=1;t=60'
    assert answer.headers["ratelimit-policy"] == '"per-client";q=100;w=900, "login";q=2;w=60'
    assert answer.headers["ratelimit-limit"] == "2"
    await _answer(app, "/a")
    refused = await _answer(app, "/a")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert refused.headers.get_list("ratelimit") == ['"per-client";r=97;t=900, "login";r=0;t=60']


async def test_routes_are_counted_apart(app: FastAPI) -> None:
    @app.get("/a")
    @limiter.limit("1/minute")
    async def one(request: Request) -> str:
        return request.method

    @app.get("/b")
    @limiter.limit("1/minute")
    async def two(request: Request) -> str:
        return request.method

    assert await _statuses(app, "/a", "/b", "/a", "/b") == [200, 200, 429, 429]


async def test_one_route_under_many_addresses_is_counted_once(app: FastAPI) -> None:
    @app.get("/u/{number}")
    @limiter.limit("2/minute")
    async def endpoint(request: Request, number: int) -> int:
        del request
        return number

    assert await _statuses(app, "/u/1", "/u/2", "/u/3") == [200, 200, 429]


async def test_routes_that_share_a_limit_are_counted_together(app: FastAPI) -> None:
    shared = limiter.shared_limit("2/minute", scope="exports")

    @app.get("/a")
    @shared
    async def one(request: Request) -> str:
        return request.method

    @app.get("/b")
    @shared
    async def two(request: Request) -> str:
        return request.method

    assert await _statuses(app, "/a", "/b", "/a") == [200, 200, 429]


async def test_stacked_limits_all_hold(app: FastAPI) -> None:
    @app.get("/a")
    @limiter.limit("3/hour")
    @limiter.limit("2/minute")
    async def endpoint(request: Request) -> str:
        return request.method

    assert await _statuses(app, *["/a"] * 3) == [200, 200, 429]


async def test_an_exempt_route_is_free_of_its_own_limits_only(app: FastAPI) -> None:
    own = Limiter()

    @app.get("/a")
    @own.exempt
    @own.limit("1/minute")
    async def endpoint(request: Request) -> str:
        return request.method

    assert await _statuses(app, *["/a"] * 101) == [200] * 100 + [429]


async def test_a_key_function_says_who_is_counted(app: FastAPI) -> None:
    def by_tenant(request: Request) -> str:
        return request.headers["x-tenant"]

    @app.get("/a")
    @limiter.limit("1/minute", key_func=by_tenant)
    async def endpoint(request: Request) -> str:
        return request.method

    assert await _statuses(app, "/a", "/a", **{"X-Tenant": "one"}) == [200, 429]
    assert await _statuses(app, "/a", "/a", **{"X-Tenant": "two"}) == [200, 429]


async def test_a_key_function_without_a_parameter_counts_all_together(app: FastAPI) -> None:
    @app.get("/a")
    @limiter.limit("1/minute", key_func=lambda: "everybody")
    async def endpoint(request: Request) -> str:
        return request.method

    async with client_of(app, "192.0.2.1") as one, client_of(app, "192.0.2.2") as other:
        assert (await one.get("/a")).status_code == 200
        assert (await other.get("/a")).status_code == 429


async def test_a_dynamic_limit_is_given_the_key_it_asks_for(app: FastAPI) -> None:
    def limit_for(key: str) -> str:
        return "1/minute" if key == "192.0.2.1" else "2/minute"

    @app.get("/a")
    @limiter.limit(limit_for)
    async def endpoint(request: Request) -> str:
        return request.method

    assert await _statuses(app, "/a", "/a") == [200, 429]
    async with client_of(app, "192.0.2.2") as other:
        assert [(await other.get("/a")).status_code for _ in range(3)] == [200, 200, 429]


async def test_a_dynamic_limit_may_ask_for_nothing(app: FastAPI) -> None:
    @app.get("/a")
    @limiter.limit(lambda: "1/minute")
    async def endpoint(request: Request) -> str:
        return request.method

    assert await _statuses(app, "/a", "/a") == [200, 429]


async def test_methods_can_be_limited_alone_and_apart(app: FastAPI) -> None:
    @app.api_route("/only", methods=["GET", "POST"])
    @limiter.limit("1/minute", methods=["post"])
    async def only(request: Request) -> str:
        return request.method

    @app.api_route("/apart", methods=["GET", "POST"])
    @limiter.limit("1/minute", per_method=True)
    async def apart(request: Request) -> str:
        return request.method

    assert await _statuses(app, "/only", "/only") == [200, 200]
    assert await _statuses(app, "/only", "/only", method="POST") == [200, 429]
    assert await _statuses(app, "/apart") == [200]
    assert await _statuses(app, "/apart", "/apart", method="POST") == [200, 429]


async def test_a_request_can_be_exempt_or_cost_more(app: FastAPI) -> None:
    def is_internal(request: Request) -> bool:
        return "x-internal" in request.headers

    @app.get("/a")
    @limiter.limit("1/minute", exempt_when=is_internal)
    async def endpoint(request: Request) -> str:
        return request.method

    @app.get("/b")
    @limiter.limit("5/minute", cost=lambda request: int(request.headers["x-cost"]))
    async def costly(request: Request) -> str:
        return request.method

    assert await _statuses(app, *["/a"] * 3, **{"X-Internal": "yes"}) == [200] * 3
    assert await _statuses(app, "/a", "/a") == [200, 429]
    assert await _statuses(app, "/b", "/b", **{"X-Cost": "3"}) == [200, 429]
    # Nothing that a request says of its cost gives attempts back.
    assert await _statuses(app, "/b", "/b", **{"X-Cost": "-100"}) == [429, 429]


async def test_a_route_can_say_it_in_its_own_words(app: FastAPI) -> None:
    @app.get("/a")
    @limiter.limit("1/minute", error_message="One export a minute.")
    async def endpoint(request: Request) -> str:
        return request.method

    await _answer(app, "/a")
    assert (await _answer(app, "/a")).json()["detail"] == "One export a minute."


def _app_with_principals(app: FastAPI) -> dict[str, Principal]:
    """Give the application a route for users; the header `x-user` stands for a verified token."""
    users = {
        name: Principal(uuid.uuid5(uuid.NAMESPACE_DNS, name), None, "user")
        for name in ("ann", "bob")
    }

    def verified(request: Request) -> None:
        context_of(request.scope).principal = users.get(request.headers.get("x-user", ""))

    @app.get("/mine", dependencies=[Depends(verified)])
    @limiter.limit(setting("login"))
    async def mine(request: Request) -> str:
        return request.method

    return users


async def _status(app: FastAPI, address: str, **headers: str) -> int:
    async with client_of(app, address, **headers) as client:
        return (await client.get("/mine")).status_code


async def test_an_account_is_limited_wherever_it_comes_from(app: FastAPI) -> None:
    _app_with_principals(app)
    found = [await _status(app, f"192.0.2.{n}", **{"X-User": "ann"}) for n in range(1, 4)]
    assert found == [200, 200, 429]
    assert await _status(app, "192.0.2.4", **{"X-User": "bob"}) == 200


async def test_an_address_is_limited_whoever_comes_from_it(app: FastAPI) -> None:
    _app_with_principals(app)
    found = [await _status(app, "192.0.2.1", **{"X-User": name}) for name in ("ann", "bob", "ann")]
    assert found == [200, 200, 429]


async def test_what_nobody_verified_is_no_account(app: FastAPI) -> None:
    _app_with_principals(app)
    found = [
        await _status(app, "192.0.2.1", Authorization=f"Bearer {n}", **{"X-User": f"eve-{n}"})
        for n in range(3)
    ]
    assert found == [200, 200, 429]
    found = [await _status(app, f"192.0.2.{n}", Authorization="Bearer same") for n in range(2, 6)]
    assert found == [200] * 4, "nobody can use up what is another's"


async def test_a_refusal_of_the_account_is_told_as_such_and_its_id_is_in_no_answer(
    app: FastAPI,
) -> None:
    users = _app_with_principals(app)
    for n in range(1, 3):
        await _status(app, f"192.0.2.{n}", **{"X-User": "ann"})
    async with client_of(app, "192.0.2.3", **{"X-User": "ann"}) as client:
        answer = await client.get("/mine")
    assert answer.headers["ratelimit"].split(", ")[1:] == [
        '"login";r=1;t=60',
        '"login-of-account";r=0;t=60',
    ]
    assert answer.headers["ratelimit-remaining"] == "0"
    assert str(users["ann"].user_id) not in str(answer.headers) + answer.text


async def test_a_key_function_of_the_routes_own_decides_alone(app: FastAPI) -> None:
    users = _app_with_principals(app)
    assert users

    def verified(request: Request) -> None:
        context_of(request.scope).principal = users["ann"]

    @app.get("/a", dependencies=[Depends(verified)])
    @limiter.limit("1/minute", key_func=lambda request: request.headers["x-tenant"])
    async def endpoint(request: Request) -> str:
        return request.method

    for number in range(3):
        assert await _statuses(app, "/a", **{"X-Tenant": str(number)}) == [200]


@pytest.mark.parametrize("limit", ["2/minute sliding", "2/minute burst 2"])
async def test_a_route_can_be_limited_in_every_way(app: FastAPI, limit: str) -> None:
    @app.get("/a")
    @limiter.limit(limit)
    async def endpoint(request: Request) -> str:
        return request.method

    assert await _statuses(app, *["/a"] * 3) == [200, 200, 429]
    answer = await _answer(app, "/a")
    assert answer.headers["ratelimit-policy"].endswith('"endpoint";q=2;w=60')
    assert 1 <= int(answer.headers["retry-after"]) <= 60
