"""Layer 4 under attack by who pretends to be many, and by who comes back too early."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from fastapi import Depends, Request
from starlette.middleware import Middleware

from app.layers.authentication import Principal
from app.layers.rate_limits import (
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
    from fastapi import FastAPI
    from starlette.types import Message

pytestmark = pytest.mark.anyio

WINDOW = 60
USERS = {name: uuid.uuid5(uuid.NAMESPACE_DNS, name) for name in ("ann", "bob")}


class Clock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until a test moves it."""
    return Clock()


def service(clock: Clock, limit: str = "2/minute", login: str = "1000/minute") -> FastAPI:
    """Return a service of this layer alone; its header `x-user` stands for a verified token."""
    settings = RateLimitsSettings(per_client=limit, login=login)
    app = small_app(
        Middleware(RateLimitsMiddleware, settings=settings),
        settings=SimpleNamespace(rate_limits=settings),
        rate_limits=RateLimits(None, workers=1, local=MemoryStore(clock=clock)),
    )

    def verified(request: Request) -> None:
        user = USERS.get(request.headers.get("x-user", ""))
        context_of(request.scope).principal = Principal(user, None, "user") if user else None

    @app.get("/open")
    async def everybody() -> None:
        """Answer."""

    @app.get("/mine", dependencies=[Depends(verified)])
    @limiter.limit(setting("login"))
    async def mine(request: Request) -> None:
        """Answer whoever is let through."""

    return app


async def status(
    app: FastAPI, address: str = "192.0.2.1", path: str = "/open", **headers: str
) -> int:
    async with client_of(app, address, **headers) as client:
        return (await client.get(path)).status_code


async def passed(app: FastAPI, number: int) -> int:
    """Return how many of so many requests in one moment are let through."""
    return [await status(app) for _ in range(number)].count(200)


async def test_attack_changing_addresses_within_ones_network_makes_no_other_client(
    clock: Clock,
) -> None:
    app = service(clock)
    addresses = ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:0:ffff::", "2001:DB8:0::2")
    assert [await status(app, one) for one in addresses] == [200, 200, 429, 429]


async def test_twin_the_neighbours_network_is_another_client(clock: Clock) -> None:
    app = service(clock)
    for _ in range(3):
        await status(app, "2001:db8::1")
    assert await status(app, "2001:db8:0:1::1") == 200


async def test_attack_an_address_in_another_notation_makes_no_other_client(clock: Clock) -> None:
    app = service(clock)
    addresses = ("192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:c000:0201")
    assert [await status(app, one) for one in addresses] == [200, 200, 429, 429]


async def test_twin_mapped_addresses_are_told_apart(clock: Clock) -> None:
    app = service(clock)
    for _ in range(3):
        await status(app, "::ffff:192.0.2.1")
    assert await status(app, "::ffff:192.0.2.2") == 200


async def test_attack_claiming_to_be_many_users_makes_nobody_many(clock: Clock) -> None:
    app = service(clock, limit="1000/minute", login="2/minute")
    claims = [
        {"Authorization": f"Bearer {number}", "X-User": f"eve-{number}", "Cookie": f"u={number}"}
        for number in range(4)
    ]
    statuses = [await status(app, path="/mine", **claim) for claim in claims]
    assert statuses == [200, 200, 429, 429]


async def test_attack_claiming_to_be_somebody_uses_up_nothing_of_theirs(clock: Clock) -> None:
    app = service(clock, limit="1000/minute", login="2/minute")
    for number in range(9):
        claim = {"Authorization": f"Bearer {USERS['ann']}", "X-User": "ann "}
        await status(app, f"198.51.100.{number}", path="/mine", **claim)
    assert await status(app, "192.0.2.1", path="/mine", **{"X-User": "ann"}) == 200


async def test_attack_one_user_from_many_addresses_is_one(clock: Clock) -> None:
    app = service(clock, limit="1000/minute", login="2/minute")
    ann = {"X-User": "ann"}
    addresses = [f"198.51.100.{number}" for number in range(4)]
    assert [await status(app, one, "/mine", **ann) for one in addresses] == [200, 200, 429, 429]


async def test_twin_another_user_is_not_held_for_it(clock: Clock) -> None:
    app = service(clock, limit="1000/minute", login="2/minute")
    for number in range(4):
        await status(app, f"198.51.100.{number}", "/mine", **{"X-User": "ann"})
    assert await status(app, "192.0.2.1", "/mine", **{"X-User": "bob"}) == 200


async def test_attack_around_the_end_of_a_sliding_window_nobody_gets_twice_as_much(
    clock: Clock,
) -> None:
    app = service(clock, "20/minute sliding")
    assert await status(app) == 200, "the window begins"
    clock.now += WINDOW - 0.5
    assert await passed(app, 30) == 19
    clock.now += 1
    assert await passed(app, 30) <= 1


async def test_twin_who_keeps_to_the_pace_is_never_refused(clock: Clock) -> None:
    app = service(clock, "20/minute sliding")
    for _ in range(200):
        assert await status(app) == 200
        clock.now += WINDOW / 20


async def test_attack_a_bucket_that_was_emptied_gives_its_pace_and_no_more(clock: Clock) -> None:
    app = service(clock, "10/minute burst 50")
    assert await passed(app, 80) == 50
    for _ in range(6):
        clock.now += WINDOW
        assert await passed(app, 80) == 10


async def test_twin_a_burst_after_silence_is_let_through(clock: Clock) -> None:
    app = service(clock, "10/minute burst 50")
    assert await passed(app, 50) == 50
    clock.now += 5 * WINDOW
    assert await passed(app, 51) == 50


LIMITS = ("2/minute", "2/minute sliding", "2/minute burst 2")


async def retry_after(app: FastAPI) -> int:
    """Use up the limit and ask once more; return the seconds that this is told to wait."""
    async with client_of(app) as client:
        for _ in range(2):
            assert (await client.get("/open")).status_code == 200
        return int((await client.get("/open")).headers["retry-after"])


@pytest.mark.parametrize("limit", LIMITS)
async def test_attack_coming_back_before_the_told_second_is_in_vain(
    clock: Clock, limit: str
) -> None:
    app = service(clock, limit)
    clock.now += (wait := await retry_after(app)) - 1.001
    assert wait > 1
    assert await passed(app, 20) == 0


@pytest.mark.parametrize("limit", LIMITS)
async def test_twin_coming_back_at_the_told_second_is_not_even_after_asking_in_between(
    clock: Clock, limit: str
) -> None:
    app = service(clock, limit)
    wait = await retry_after(app)
    for _ in range(20):
        assert await status(app) == 429
    clock.now += wait
    assert await status(app) == 200


async def test_attack_a_websocket_gets_no_further_than_this_layer(clock: Clock) -> None:
    app, sent = service(clock), []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/open", "headers": [], "query_string": b"", "app": app}
    for _ in range(5):
        await app(scope | {"client": ("192.0.2.1", 1), "subprotocols": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}] * 5


async def test_twin_a_request_to_the_same_path_is_answered(clock: Clock) -> None:
    assert await status(service(clock)) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("POST", "/open"), ("GET", "//open"), ("TRACE", "/open"), ("X", "/")],
)
async def test_attack_what_no_route_answers_counts(clock: Clock, method: str, path: str) -> None:
    app = service(clock)
    async with client_of(app) as client:
        answers = [(await client.request(method, path)).status_code for _ in range(3)]
    assert answers[0] in {404, 405}
    assert answers[2] == 429


async def test_twin_health_checks_never_count(clock: Clock) -> None:
    app = service(clock)
    async with client_of(app) as client:
        for _ in range(9):
            assert (await client.get("/healthz")).status_code == 404, "there is none here"
    assert await status(app) == 200


async def test_attack_addresses_without_number_do_not_push_out_what_somebody_has_used(
    clock: Clock,
) -> None:
    app = service(clock)
    app.state.rate_limits = RateLimits(None, workers=1, local=MemoryStore(max_keys=50, clock=clock))
    ann = {"X-User": "ann"}
    for _ in range(2):
        await status(app, "203.0.113.1", "/mine", **ann)
    for number in range(300):
        await status(app, f"198.18.{number // 250}.{number % 250}")
    policy = "login-of-account"
    async with client_of(app, "203.0.113.2", **ann) as client:
        told = (await client.get("/mine")).headers["ratelimit"]
    assert f'"{policy}";r=997;' in told
