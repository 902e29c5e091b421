"""The per-client limit: what it counts, what it answers, what it logs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import WebSocket  # noqa: TC002 - FastAPI resolves it at run time
from starlette.middleware import Middleware

from app.errors import ServiceError
from app.layers.rate_limits import (
    MemoryStore,
    RateLimits,
    RateLimitsMiddleware,
    RateLimitsSettings,
)
from tests.layers.small_app import client_of, logged_by, small_app

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Message

    from tests.layers.conftest import Clock

pytestmark = pytest.mark.anyio


class _Refused(ServiceError):
    status, slug = 403, "refused"


def _app(clock: Clock, limit: str) -> FastAPI:
    settings = RateLimitsSettings(per_client=limit)
    app = small_app(
        Middleware(RateLimitsMiddleware, settings=settings),
        settings=SimpleNamespace(rate_limits=settings),
        rate_limits=RateLimits(None, workers=1, local=MemoryStore(clock=clock)),
    )

    @app.get("/api/ok")
    @app.get("/healthz")
    async def ok() -> str:
        return "ok"

    @app.get("/api/refused")
    async def refused() -> None:
        raise _Refused("Refused.")

    return app


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged."""
    return logged_by("app.layers.rate_limits.outcomes", monkeypatch)


async def test_over_the_limit_is_a_problem_answer_that_says_when_to_come_back(
    clock: Clock,
) -> None:
    async with client_of(_app(clock, "2/minute")) as client:
        assert [(await client.get("/api/ok")).status_code for _ in range(2)] == [200, 200]
        clock.now += 17.5
        refused = await client.get("/api/ok")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:problem:rate-limited"
    assert refused.headers["retry-after"] == "43"
    assert refused.headers["ratelimit"] == '"per-client";r=0;t=43'
    assert refused.headers["ratelimit-remaining"] == "0"


async def test_who_comes_back_when_told_to_is_let_through(clock: Clock) -> None:
    async with client_of(_app(clock, "1/minute")) as client:
        await client.get("/api/ok")
        clock.now += 59.999
        refused = await client.get("/api/ok")
        assert refused.headers["retry-after"] == "1"
        clock.now += 1
        assert (await client.get("/api/ok")).status_code == 200


async def test_asking_too_early_does_not_stretch_the_wait(clock: Clock) -> None:
    async with client_of(_app(clock, "1/minute")) as client:
        for _ in range(50):
            await client.get("/api/ok")
        clock.now += 60
        assert (await client.get("/api/ok")).status_code == 200


async def test_answers_tell_of_the_limit_in_both_forms(clock: Clock) -> None:
    async with client_of(_app(clock, "100/15minutes")) as client:
        answer = await client.get("/api/ok")
    assert answer.headers["ratelimit"] == '"per-client";r=99;t=900'
    assert answer.headers["ratelimit-policy"] == '"per-client";q=100;w=900'
    assert answer.headers["ratelimit-limit"] == "100"
    assert answer.headers["ratelimit-remaining"] == "99"
    assert answer.headers["ratelimit-reset"] == "900"
    assert "retry-after" not in answer.headers


async def test_refusals_of_others_tell_of_the_limit_too(clock: Clock) -> None:
    async with client_of(_app(clock, "10/minute")) as client:
        answer = await client.get("/api/refused")
    assert answer.status_code == 403
    assert answer.headers.get_list("ratelimit") == ['"per-client";r=9;t=60']


async def test_of_several_limits_the_older_headers_tell_the_one_that_refuses_first(
    clock: Clock,
) -> None:
    async with client_of(_app(clock, "10/minute; 12/hour")) as client:
        for _ in range(10):
            answer = await client.get("/api/ok")
        assert (
            answer.headers["ratelimit"] == '"per-client-60";r=0;t=60, "per-client-3600";r=2;t=3600'
        )
        assert answer.headers["ratelimit-limit"] == "10"
        clock.now += 60
        answer = await client.get("/api/ok")
        assert answer.headers["ratelimit-limit"] == "12"
        assert answer.headers["ratelimit-remaining"] == "1"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nothing"),
        ("DELETE", "/api/ok"),
        ("HEAD", "/api/ok"),
        ("OPTIONS", "/api/ok"),
        ("GET", "/API/ok"),
        ("GET", "//api/ok"),
        ("GET", "/api%2fok"),
        ("GET", "/%61pi/ok"),
        ("GET", "/api/../api/ok"),
        ("GET", "/healthz/"),
        ("GET", "/HEALTHZ"),
        ("GET", "/healthz/../api/ok"),
        ("GET", "/healthz%2f"),
        ("GET", "/healthz;x"),
        ("GET", "/"),
        ("PROPFIND", "/api/ok"),
    ],
)
async def test_every_request_counts_whatever_its_method_path_and_fate(
    clock: Clock, method: str, path: str
) -> None:
    async with client_of(_app(clock, "1/minute")) as client:
        await client.request(method, path)
        assert (await client.get("/api/ok")).status_code == 429


async def test_only_health_checks_are_not_counted(clock: Clock) -> None:
    async with client_of(_app(clock, "1/minute")) as client:
        for _ in range(5):
            health = await client.get("/healthz")
            assert health.status_code == 200
            assert "ratelimit" not in health.headers
        assert (await client.get("/api/ok")).status_code == 200


async def test_clients_are_counted_apart_and_one_network_together(clock: Clock) -> None:
    app = _app(clock, "1/minute")

    async def status(address: str) -> int:
        async with client_of(app, address) as client:
            return (await client.get("/api/ok")).status_code

    assert await status("192.0.2.1") == 200
    assert await status("::ffff:192.0.2.1") == 429
    assert await status("192.0.2.2") == 200
    assert await status("2001:db8::1") == 200
    assert await status("2001:db8::ffff:1") == 429
    assert await status("2001:db8:0:1::1") == 200


async def test_no_header_makes_another_client(clock: Clock) -> None:
    async with client_of(_app(clock, "1/minute")) as client:
        await client.get("/api/ok")
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X_FORWARDED_FOR"):
            answer = await client.get("/api/ok", headers={header: "203.0.113.9"})
            assert answer.status_code == 429


async def test_the_log_hears_once_of_a_client_and_window(
    clock: Clock, events: list[dict[str, Any]]
) -> None:
    async with client_of(_app(clock, "2/minute")) as client:
        for _ in range(20):
            await client.get("/api/ok")
        assert events == [
            {
                "event": "excess_rate_limit_exceeded",
                "policy": "per-client",
                "limit": 2,
                "window_seconds": 60,
            }
        ]
        clock.now += 60
        for _ in range(20):
            await client.get("/api/ok")
        assert len(events) == 2


@pytest.mark.parametrize(
    ("limit", "policy"),
    [("100/15minutes sliding", "q=100;w=900"), ("7/minute burst 3", "q=3;w=26")],
)
async def test_whole_seconds_are_told_of_every_kind_of_limit(
    clock: Clock, limit: str, policy: str
) -> None:
    async with client_of(_app(clock, limit)) as client:
        answer = await client.get("/api/ok")
    assert answer.headers["ratelimit-policy"] == f'"per-client";{policy}'
    assert answer.headers["ratelimit-reset"].isdigit()


async def test_a_token_bucket_lets_its_burst_through_and_then_its_pace(clock: Clock) -> None:
    async with client_of(_app(clock, "10/minute burst 50")) as client:
        answers = [await client.get("/api/ok") for _ in range(52)]
        assert [answer.status_code for answer in answers] == [200] * 50 + [429] * 2
        assert answers[-1].headers["retry-after"] == "6"
        clock.now += 5.9
        assert (await client.get("/api/ok")).headers["retry-after"] == "1"
        clock.now += 0.1
        assert (await client.get("/api/ok")).status_code == 200
        assert (await client.get("/api/ok")).status_code == 429


async def test_a_websocket_is_refused_before_it_opens(clock: Clock) -> None:
    app = _app(clock, "100/minute")

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/socket", "headers": [], "client": ("192.0.2.1", 1)}
    await app(scope | {"app": app, "query_string": b"", "subprotocols": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
