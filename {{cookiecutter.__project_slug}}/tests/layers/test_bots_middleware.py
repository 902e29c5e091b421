"""What a refused program is told, what the log is told, and what the provider is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter
from starlette.middleware import Middleware
from typing_extensions import override

from app.errors import Malformed
from app.layers import bots
from app.layers.authorization import Public  # noqa: TC001 - FastAPI reads it
from app.layers.bots import BotsMiddleware, BotsSettings, Category, Decision, Provider, Verdict
from app.layers.bots.provider import CLEAR
from tests.layers.small_app import client_of, logged_by, small_app

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Scope

pytestmark = pytest.mark.anyio


class Told(Provider):
    """A provider that says what it was told to say, and notes what it sees."""

    def __init__(self, verdict: Verdict) -> None:
        self.behaviour = None
        self.verdict = verdict
        self.answers: list[tuple[str, int]] = []

    @override
    async def judge(self, scope: Scope) -> Verdict:
        return self.verdict

    @override
    def saw(self, scope: Scope, status: int) -> None:
        self.answers.append((scope["path"], status))


router = APIRouter()


@router.get("/api/ok")
@router.get("/healthz")
async def ok(access: Public) -> str:
    del access
    return "ok"


@router.get("/api/malformed")
async def malformed(access: Public) -> str:
    del access
    raise Malformed("No.")


@router.get("/api/broken")
async def broken(access: Public) -> str:
    del access
    raise RuntimeError


@router.get("/api/webhook")
@bots.exempt
async def webhook(access: Public) -> str:
    del access
    return "ok"


def _app(verdict: Verdict = CLEAR, settings: BotsSettings | None = None) -> tuple[FastAPI, Told]:
    provider = Told(verdict)
    layer = Middleware(BotsMiddleware, settings=settings or BotsSettings())
    app = small_app(layer, bots=provider)
    app.include_router(router)
    app.state.bot_routes = bots.Routes(app)
    return app, provider


CRAWLER = Verdict(Category.AI_CRAWLER, Decision.REFUSE)
SUSPECT = Verdict(Category.MISBEHAVING, Decision.SLOW, ("identifiers",), 60)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged."""
    return logged_by("app.layers.bots.middleware", monkeypatch)


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long requests were held; nobody waits here."""
    seconds: list[float] = []

    async def sleep(delay: float) -> None:
        seconds.append(delay)

    monkeypatch.setattr("app.layers.bots.local.behaviour.holding.asyncio.sleep", sleep)
    return seconds


@pytest.mark.parametrize("path", ["/api/ok", "/api/nothing", "/healthz"])
async def test_attack_a_refusal_tells_the_client_nothing(
    path: str, events: list[dict[str, Any]]
) -> None:
    app, _ = _app(CRAWLER._replace(reasons=("says so",)))
    async with client_of(app) as client:
        answer = await client.get(path)
    assert answer.status_code == 403
    assert answer.json() == {
        "type": "urn:problem:forbidden",
        "title": "Forbidden",
        "status": 403,
        "detail": "This request was refused.",
        "request_id": "0" * 32,
    }
    logged = {"category": "ai-crawler", "enforced": True, "reasons": ["says so"]}
    assert events == [{"event": "bot_refused", **logged}]


@pytest.mark.parametrize("category", [*Category, None])
async def test_attack_every_reason_gets_the_same_answer(category: Category | None) -> None:
    async with client_of(_app(CRAWLER)[0]) as client:
        usual = (await client.get("/api/ok")).content
    async with client_of(_app(Verdict(category, Decision.REFUSE))[0]) as client:
        assert (await client.get("/api/ok")).content == usual


async def test_twin_who_is_welcome_notices_nothing(
    events: list[dict[str, Any]], held: list[float]
) -> None:
    async with client_of(_app()[0]) as client:
        assert (await client.get("/api/ok")).status_code == 200
    assert events == []
    assert held == []


@pytest.mark.parametrize(
    "settings",
    [BotsSettings(mode="monitor"), BotsSettings(monitor=(Category.SEO, Category.AI_CRAWLER))],
    ids=["everything", "its category"],
)
async def test_twin_what_is_monitored_is_logged_and_let_through(
    settings: BotsSettings, events: list[dict[str, Any]]
) -> None:
    async with client_of(_app(CRAWLER, settings)[0]) as client:
        assert (await client.get("/api/ok")).status_code == 200
    assert [(event["category"], event["enforced"]) for event in events] == [("ai-crawler", False)]


async def test_attack_another_category_than_the_monitored_is_refused() -> None:
    settings = BotsSettings(monitor=(Category.SEO,))
    async with client_of(_app(CRAWLER, settings)[0]) as client:
        assert (await client.get("/api/ok")).status_code == 403


async def test_who_is_slowed_gets_its_answer_after_a_while(
    events: list[dict[str, Any]], held: list[float]
) -> None:
    async with client_of(_app(SUSPECT)[0]) as client:
        assert (await client.get("/api/ok")).status_code == 200
    assert len(held) == 1
    assert 0 < held[0] <= 2
    logged = {"category": "misbehaving", "enforced": True, "reasons": ["identifiers"]}
    assert events == [{"event": "bot_slowed", **logged}]


async def test_who_would_be_slowed_is_not_when_only_watched(held: list[float]) -> None:
    async with client_of(_app(SUSPECT, BotsSettings(mode="monitor"))[0]) as client:
        assert (await client.get("/api/ok")).status_code == 200
    assert held == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/ok", 200), ("/api/nothing", 404), ("/api/malformed", 400)],
)
async def test_the_provider_hears_what_was_answered(path: str, status: int) -> None:
    app, provider = _app()
    async with client_of(app) as client:
        assert (await client.get(path)).status_code == status
    assert provider.answers == [(path, status)]


async def test_the_provider_hears_nothing_of_a_failure_of_ours() -> None:
    app, provider = _app()
    async with client_of(app) as client:
        assert (await client.get("/api/broken")).status_code == 500
    assert provider.answers == []


async def test_the_provider_hears_of_a_refusal_by_a_layer_further_in() -> None:
    class Inner:
        def __init__(self, app: object) -> None:
            del app

        async def __call__(self, *scope: object) -> None:
            del scope
            raise Malformed("No.")

    provider = Told(CLEAR)
    app = small_app(
        Middleware(BotsMiddleware, settings=BotsSettings()), Middleware(Inner), bots=provider
    )
    async with client_of(app) as client:
        assert (await client.get("/api/ok")).status_code == 400
    assert provider.answers == [("/api/ok", 400)]


async def test_the_provider_hears_nothing_of_who_was_refused() -> None:
    app, provider = _app(CRAWLER)
    async with client_of(app) as client:
        assert (await client.get("/api/ok")).status_code == 403
    assert provider.answers == []


async def test_an_exempt_route_is_open_to_all(events: list[dict[str, Any]]) -> None:
    async with client_of(_app(CRAWLER)[0]) as client:
        assert (await client.get("/api/webhook")).status_code == 200
        assert (await client.get("/api/webhook/")).status_code == 403
        assert (await client.post("/api/webhook")).status_code == 403
    assert len(events) == 2
