"""Who is refused for what it calls itself."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.layers.bots import BotsSettings, Category, Decision, Verdict
from app.layers.bots.local import Judge, SearchEngines
from tests.layers.bots import BINGBOT, GOOGLEBOT, scope_of


def judge_for(**settings: str) -> Judge:
    made = BotsSettings.model_validate(settings)
    return Judge(made, SearchEngines(made.search_engine_networks))


JUDGE = judge_for()


def _judge(*user_agents: str, judge: Judge = JUDGE, **how: str) -> tuple[Category | None, Decision]:
    verdict: Verdict = judge.judge(scope_of(*user_agents, **how))
    return verdict.category, verdict.decision


@pytest.mark.parametrize(
    ("user_agent", "category"),
    [
        ("GPTBot/1.3", Category.AI_CRAWLER),
        ("sqlmap/1.9#stable", Category.SCANNER),
        ("Scrapy/2.13.3", Category.SCRAPER),
        ("HeadlessChrome/142.0.0.0", Category.BROWSER_AUTOMATION),
        ("AhrefsBot/7.0", Category.SEO),
        ("archive.org_bot", Category.ARCHIVER),
        ("Mediapartners-Google", Category.ADVERTISING),
        ("", Category.UNNAMED),
        ("x" * 1025, Category.MALFORMED),
    ],
)
def test_the_default_policy_refuses(user_agent: str, category: Category) -> None:
    assert _judge(user_agent) == (category, Decision.REFUSE)


@pytest.mark.parametrize(
    ("user_agent", "category"),
    [
        ("python-httpx/0.28.1", Category.HTTP_LIBRARY),
        ("PostmanRuntime/7.43.0", Category.HTTP_LIBRARY),
        ("kube-probe/1.34", Category.MONITORING),
        ("Mozilla/5.0 (compatible; UptimeRobot/2.0; http://uptimerobot.com/)", "monitoring"),
        ("Slackbot-LinkExpanding 1.0", Category.SOCIAL_PREVIEW),
        ("OurApp/4.2", None),
    ],
)
def test_the_default_policy_lets_through(user_agent: str, category: Category | None) -> None:
    assert _judge(user_agent) == (category, Decision.ALLOW)


def test_attack_a_request_without_a_user_agent_is_refused() -> None:
    assert _judge() == (Category.UNNAMED, Decision.REFUSE)


def test_attack_two_user_agents_are_refused_even_when_both_are_welcome() -> None:
    assert _judge("OurApp/4.2", "OurApp/4.2") == (Category.MALFORMED, Decision.REFUSE)


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        (GOOGLEBOT, "66.249.66.1"),
        (GOOGLEBOT, "::ffff:66.249.66.1"),
        (GOOGLEBOT, "192.178.5.1"),
        (BINGBOT, "157.55.39.1"),
        (BINGBOT, "40.77.191.255"),
    ],
)
def test_twin_a_search_engine_is_believed_from_its_own_addresses(
    user_agent: str, client: str
) -> None:
    assert _judge(user_agent, client=client) == (Category.SEARCH_ENGINE, Decision.ALLOW)


@pytest.mark.parametrize(
    "client",
    ["192.0.2.1", "66.249.80.1", "66.249.63.255", "2001:db8::1", "unknown", "", "66.249.66.1, x"],
)
@pytest.mark.parametrize("user_agent", [GOOGLEBOT, BINGBOT, "YandexBot/3.0", "googlebot"])
def test_attack_from_any_other_address_it_is_an_impostor(user_agent: str, client: str) -> None:
    assert _judge(user_agent, client=client) == (Category.IMPOSTOR, Decision.REFUSE)


@pytest.mark.parametrize(
    ("user_agent", "client"), [(GOOGLEBOT, "157.55.39.1"), (BINGBOT, "66.249.66.1")]
)
def test_attack_one_search_engines_addresses_are_not_another_ones(
    user_agent: str, client: str
) -> None:
    assert _judge(user_agent, client=client) == (Category.IMPOSTOR, Decision.REFUSE)


def test_attack_a_search_engines_address_excuses_nothing_else() -> None:
    assert _judge("GPTBot/1.3", client="66.249.66.1")[0] is Category.AI_CRAWLER
    assert _judge(f"{GOOGLEBOT} sqlmap", client="66.249.66.1")[0] is Category.SCANNER


def test_the_policy_is_a_setting() -> None:
    judge = judge_for(
        refuse="http-library, seo", search_engine_networks="192.0.2.0/24, 2001:db8::/32"
    )
    assert _judge("curl/8.14.1", judge=judge) == (Category.HTTP_LIBRARY, Decision.REFUSE)
    assert _judge("GPTBot/1.3", judge=judge) == (Category.AI_CRAWLER, Decision.ALLOW)
    for client in ("192.0.2.9", "2001:db8::9"):
        believed = _judge(GOOGLEBOT, judge=judge, client=client)
        assert believed == (Category.SEARCH_ENGINE, Decision.ALLOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"refuse": "ai-crawlers"},
        {"monitor": "ai crawler"},
        {"authenticated": "library"},
        {"mode": "off"},
        {"provider": "none"},
        {"search_engine_networks": "66.249.64.1/20"},
        {"search_engine_networks": "google"},
    ],
    ids=str,
)
def test_a_misspelt_policy_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        BotsSettings.model_validate(wrong)
