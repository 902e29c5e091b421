"""What Arcjet is told and asked, and what becomes of its answers: the real SDK, before a stub."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from arcjet import Arcjet, _local, arcjet

from app.layers.bots import BotsSettings, Category, Decision, Verdict
from app.layers.bots.arcjet import ArcjetProvider, open_arcjet
from app.layers.bots.provider import CLEAR
from tests.arcjet_stub import Decide, Stub, arcjet_stub, empty_bucket, spoofed
from tests.layers.bots import GOOGLEBOT, STRANGER, scope_of
from tests.layers.small_app import logged_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


pytestmark = pytest.mark.anyio

KEY = "ajkey_made_up"
CLIENT = "app.layers.bots.arcjet.provider.arcjet"
LIBRARY = Verdict(Category.HTTP_LIBRARY, Decision.ALLOW)
UNANSWERED = ("no answer from Arcjet",)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """Arcjet, in the place of its own service."""
    with arcjet_stub() as running:
        monkeypatch.setattr(CLIENT, partial(arcjet, base_url=running.url))
        yield running


def _settings(**changed: Any) -> BotsSettings:
    chosen = {
        "provider": "arcjet",
        "arcjet_key": KEY,
        "arcjet_timeout": 5,
        **changed,
    }
    return BotsSettings.model_validate(chosen)


@pytest.fixture
async def provider(stub: Stub) -> AsyncIterator[ArcjetProvider]:
    """The adapter, opened as in the service."""
    del stub  # it is only there
    async with open_arcjet(_settings()) as opened:
        yield opened


@pytest.fixture
async def believing(stub: Stub) -> AsyncIterator[ArcjetProvider]:
    """The same, refusing no names by itself: so that Arcjet's rules are what refuses."""
    del stub  # it is only there
    async with open_arcjet(_settings(refuse=())) as opened:
        yield opened


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged."""
    return logged_by("app.layers.bots.arcjet.provider", monkeypatch)


async def test_twin_who_is_allowed_is_let_through(stub: Stub, provider: ArcjetProvider) -> None:
    assert await provider.judge(scope_of("OurApp/4.2")) is CLEAR
    assert len(stub.asked) == 1


async def test_arcjet_is_given_the_rules_and_the_key(stub: Stub, provider: ArcjetProvider) -> None:
    await provider.judge(scope_of("OurApp/4.2"))
    bots, bucket = stub.asked[0].rules
    assert {"CATEGORY:AI", "CATEGORY:PROGRAMMATIC", "UNKNOWN_BOT"} <= set(bots.bot_v2.deny)
    assert not any("SEARCH" in name for name in bots.bot_v2.deny)
    assert bots.bot_v2.mode == Decide.MODE_LIVE
    limit = bucket.rate_limit
    assert (limit.capacity, limit.refill_rate, limit.interval) == (50, 10, 60)
    assert limit.mode == Decide.MODE_LIVE
    assert stub.keys == [f"Bearer {KEY}"]


async def test_arcjet_is_told_who_asks_for_what(stub: Stub, provider: ArcjetProvider) -> None:
    await provider.judge(scope_of("OurApp/4.2", client="2001:db8::7"))
    told = stub.asked[0].details
    assert (told.ip, told.method, told.path, told.host) == (
        *("2001:db8::7", "GET", "/api/ok", "api.example"),
    )
    assert told.headers["user-agent"] == "OurApp/4.2"


@pytest.mark.parametrize("user_agent", ["OurApp/4.2", "curl/8.14.1", "GPTBot/1.3"])
async def test_attack_no_secret_leaves_for_arcjet(
    stub: Stub, believing: ArcjetProvider, user_agent: str
) -> None:
    seen = scope_of(
        user_agent,
        authorization="Bearer secret-1",
        cookie="session=secret-2",
        x_forwarded_for="secret-3",
        x_api_key="secret-4",
    )
    seen["query_string"] = b"token=secret-5"
    await believing.judge(seen)
    assert not any(b"secret" in body for body in stub.raw)


async def test_attack_a_forged_address_is_not_what_arcjet_counts(
    stub: Stub, provider: ArcjetProvider
) -> None:
    await provider.judge(scope_of("OurApp/4.2", x_forwarded_for="8.8.8.8", x_real_ip="8.8.8.8"))
    assert stub.asked[0].details.ip == STRANGER


@pytest.mark.parametrize(
    ("user_agent", "category"),
    [
        ("GPTBot/1.3", Category.AI_CRAWLER),
        ("Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", "ai-crawler"),
        ("Mozilla/5.0 (X11) HeadlessChrome/142.0.0.0 Safari/537.36", "browser-automation"),
        ("Scrapy/2.13.3 (+https://scrapy.org)", Category.SCRAPER),
    ],
)
async def test_the_sdks_own_rules_refuse(
    stub: Stub, believing: ArcjetProvider, user_agent: str, category: Category
) -> None:
    verdict = await believing.judge(scope_of(user_agent))
    assert verdict[:2] == (category, Decision.REFUSE)
    assert verdict.reasons[:2] == ("Arcjet", "BOT")
    assert stub.asked == []


async def test_the_policy_by_name_holds_before_arcjet_is_asked(
    stub: Stub, provider: ArcjetProvider
) -> None:
    for user_agent in ("sqlmap/1.9", "", "GPTBot/1.3", "x" * 2000):
        assert (await provider.judge(scope_of(user_agent))).decision is Decision.REFUSE
    assert (await provider.judge(scope_of("a", "b"))).category is Category.MALFORMED
    assert stub.raw == []


@pytest.mark.parametrize("user_agent", [GOOGLEBOT, "Slackbot-LinkExpanding 1.0", "kube-probe/1.34"])
async def test_twin_search_engines_and_other_welcome_programs_are_arcjets_to_judge(
    stub: Stub, provider: ArcjetProvider, user_agent: str
) -> None:
    assert (await provider.judge(scope_of(user_agent))).decision is Decision.ALLOW
    assert len(stub.asked) == 1


async def test_attack_a_search_engine_that_arcjet_calls_spoofed_is_an_impostor(
    stub: Stub, provider: ArcjetProvider
) -> None:
    stub.decide = spoofed
    verdict = await provider.judge(scope_of(GOOGLEBOT))
    assert verdict[:2] == (Category.IMPOSTOR, Decision.REFUSE)


async def test_attack_who_has_emptied_the_bucket_is_refused(
    stub: Stub, provider: ArcjetProvider
) -> None:
    stub.decide = empty_bucket
    verdict = await provider.judge(scope_of("OurApp/4.2"))
    assert verdict[:3] == (Category.MISBEHAVING, Decision.REFUSE, ("Arcjet", "RATE_LIMIT"))


@pytest.mark.parametrize("user_agent", ["curl/8.14.1", "python-httpx/0.28.1", "okhttp/4.12.0"])
async def test_libraries_are_the_policys_to_judge_and_have_a_bucket_too(
    stub: Stub, provider: ArcjetProvider, user_agent: str
) -> None:
    assert await provider.judge(scope_of(user_agent)) == LIBRARY
    stub.decide = empty_bucket
    assert (await provider.judge(scope_of(user_agent))).decision is Decision.REFUSE


async def test_attack_a_crawler_does_not_shut_out_others_at_its_address(
    stub: Stub, believing: ArcjetProvider
) -> None:
    assert (await believing.judge(scope_of("GPTBot/1.3"))).decision is Decision.REFUSE
    assert await believing.judge(scope_of("OurApp/4.2")) is CLEAR
    stub.decide = empty_bucket
    assert (await believing.judge(scope_of("OurApp/4.2"))).decision is Decision.REFUSE
    assert len(stub.asked) == 2  # a denial is asked for each time: buckets fill


@pytest.mark.parametrize("on_error", ["allow", "refuse"])
async def test_attack_a_silent_arcjet_holds_nobody_longer_than_its_time(
    stub: Stub, on_error: str, events: list[dict[str, Any]]
) -> None:
    stub.gate.clear()
    settings = _settings(arcjet_timeout=0.05, arcjet_on_error=on_error)
    async with open_arcjet(settings) as provider:
        verdict = await provider.judge(scope_of("OurApp/4.2"))
        assert verdict == Verdict(None, Decision(on_error), UNANSWERED)
        # It was asked once; the next requests don't wait for it at all.
        for _ in range(5):
            assert await provider.judge(scope_of("OurApp/4.2")) == verdict
        assert (await provider.judge(scope_of("GPTBot/1.3"))).decision is Decision.REFUSE
    assert len(stub.asked) == 1
    assert [event["event"] for event in events] == ["bots_degraded"]


async def test_attack_an_sdk_that_forgets_its_own_time_holds_nobody_either(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait_for_ever(*given: object, **named: object) -> None:
        del given, named
        await asyncio.Event().wait()

    monkeypatch.setattr(Arcjet, "protect", wait_for_ever)
    provider = ArcjetProvider(_settings(arcjet_timeout=0.05))
    async with asyncio.timeout(5):
        assert (await provider.judge(scope_of("OurApp/4.2"))).reasons == UNANSWERED
    assert stub.asked == []


@pytest.mark.parametrize("on_error", ["allow", "refuse"])
@pytest.mark.parametrize("failure", ["500", "nobody", "no decision", "an error"])
async def test_without_an_answer_the_setting_decides(
    stub: Stub,
    on_error: str,
    failure: str,
    events: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if failure == "nobody":
        monkeypatch.setattr(CLIENT, partial(arcjet, base_url="http://127.0.0.1:9"))
    stub.status = 500 if failure == "500" else 200
    if failure == "no decision":
        stub.decide = lambda: None
    if failure == "an error":
        stub.decide = lambda: Decide.Decision(conclusion=Decide.CONCLUSION_ERROR)
    async with open_arcjet(_settings(arcjet_on_error=on_error)) as provider:
        verdict = await provider.judge(scope_of("OurApp/4.2"))
    assert verdict == Verdict(None, Decision(on_error), UNANSWERED)
    assert [event["event"] for event in events] == ["bots_degraded"]


async def test_it_is_asked_again_after_a_second_and_the_log_says_that_it_is_back(
    stub: Stub, events: list[dict[str, Any]]
) -> None:
    clock = Clock()
    provider = ArcjetProvider(_settings(), clock)
    stub.status = 503
    seen = scope_of("OurApp/4.2")
    assert (await provider.judge(seen)).reasons == UNANSWERED
    stub.status = 200
    clock.now += 0.9
    assert (await provider.judge(seen)).reasons == UNANSWERED
    clock.now += 0.2
    assert await provider.judge(seen) is CLEAR
    assert [event["event"] for event in events] == ["bots_degraded", "bots_restored"]


async def test_two_outages_are_two_events_however_many_requests_they_meet(
    stub: Stub, events: list[dict[str, Any]]
) -> None:
    clock = Clock()
    provider = ArcjetProvider(_settings(), clock)
    for status in (503, 503, 200, 503):
        stub.status = status
        clock.now += 2
        await provider.judge(scope_of("OurApp/4.2"))
    told = [event["event"] for event in events]
    assert told == ["bots_degraded", "bots_restored", "bots_degraded"]


@pytest.mark.usefixtures("stub")
def test_the_key_is_in_no_text_of_ours() -> None:
    settings = _settings()
    assert KEY not in repr(settings)
    assert KEY not in repr(vars(ArcjetProvider(settings)))


async def test_attack_the_first_request_after_the_start_compiles_nothing(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = vars(_local)["_get_component"]()
    made: list[str] = []

    def compile_rules(path: str) -> object:
        made.append(path)
        return compiled

    monkeypatch.setattr("arcjet._local._component_state", vars(_local)["_MISSING"])
    monkeypatch.setattr("arcjet._local.AnalyzeComponent", compile_rules)
    async with open_arcjet(_settings()) as provider:
        assert len(made) == 1
        assert await provider.judge(scope_of("OurApp/4.2")) is CLEAR
    assert len(made) == len(stub.asked) == 1
