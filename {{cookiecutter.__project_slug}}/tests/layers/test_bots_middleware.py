"""What a refused program is told, and what the log is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.middleware import Middleware

from app.layers.bots import BotsMiddleware, BotsSettings
from tests.layers.small_app import client_of, logged_by, small_app

if TYPE_CHECKING:
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio


def _app(settings: BotsSettings | None = None) -> FastAPI:
    app = small_app(Middleware(BotsMiddleware, settings=settings or BotsSettings()))

    @app.get("/api/ok")
    @app.get("/healthz")
    async def ok() -> str:
        return "ok"

    return app


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged."""
    return logged_by("app.layers.bots.middleware", monkeypatch)


@pytest.mark.parametrize("path", ["/api/ok", "/api/nothing", "/healthz"])
async def test_a_refusal_tells_the_client_nothing(path: str, events: list[dict[str, Any]]) -> None:
    async with client_of(_app(), **{"User-Agent": "GPTBot/1.3"}) as client:
        answer = await client.get(path)
    assert answer.status_code == 403
    assert answer.json() == {
        "type": "urn:problem:forbidden",
        "title": "Forbidden",
        "status": 403,
        "detail": "This request was refused.",
        "request_id": "0" * 32,
    }
    assert events == [{"event": "bot_refused", "category": "ai-crawler", "enforced": True}]


async def test_every_reason_gets_the_same_answer() -> None:
    answers = []
    for user_agent in ("GPTBot/1.3", "", "Googlebot/2.1", "Chrome/142.0", "x" * 2000):
        async with client_of(_app(), **{"User-Agent": user_agent}) as client:
            answers.append((await client.get("/api/ok")).content)
    assert len(set(answers)) == 1


@pytest.mark.parametrize("user_agent", ["tests/1.0", "python-httpx/0.28.1", "kube-probe/1.34"])
async def test_who_is_welcome_notices_nothing(
    user_agent: str, events: list[dict[str, Any]]
) -> None:
    async with client_of(_app(), **{"User-Agent": user_agent}) as client:
        assert (await client.get("/api/ok")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200
    assert events == []


async def test_monitoring_mode_logs_and_lets_through(events: list[dict[str, Any]]) -> None:
    app = _app(BotsSettings(mode="monitor"))
    async with client_of(app, **{"User-Agent": "GPTBot/1.3"}) as client:
        assert (await client.get("/api/ok")).status_code == 200
    assert events == [{"event": "bot_refused", "category": "ai-crawler", "enforced": False}]
