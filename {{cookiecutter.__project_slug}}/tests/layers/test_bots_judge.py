"""Who is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.layers.bots import BotsSettings, Category, Judge, Verdict
from app.request_headers import RequestHeaders
from tests.layers.test_bots_user_agents import CURRENT, OTHERS

JUDGE = Judge(BotsSettings())
STRANGER = "192.0.2.1"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BINGBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"


def _judge(
    *user_agents: str,
    judge: Judge = JUDGE,
    client: str = STRANGER,
    encrypted: bool = True,
    fetch_site: str | None = None,
) -> Verdict:
    headers = [(b"host", b"api.example")]
    headers += [(b"user-agent", user_agent.encode()) for user_agent in user_agents]
    if fetch_site is not None:
        headers.append((b"sec-fetch-site", fetch_site.encode()))
    return judge.judge(RequestHeaders(headers), client, encrypted=encrypted)


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
    assert _judge(user_agent) == (category, True)


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
    assert _judge(user_agent) == (category, False)


def test_a_request_without_a_user_agent_is_refused() -> None:
    assert _judge() == (Category.UNNAMED, True)


def test_two_user_agents_are_refused_even_when_both_are_welcome() -> None:
    assert _judge("OurApp/4.2", "OurApp/4.2") == (Category.MALFORMED, True)


@pytest.mark.parametrize("user_agent", CURRENT)
def test_a_current_browser_is_believed_by_the_headers_it_sends(user_agent: str) -> None:
    assert _judge(user_agent, fetch_site="same-origin") == (None, False)
    assert _judge(user_agent, fetch_site="none") == (None, False)


@pytest.mark.parametrize("user_agent", CURRENT)
def test_who_claims_to_be_one_without_those_headers_is_refused(user_agent: str) -> None:
    assert _judge(user_agent) == (Category.SPOOFED_BROWSER, True)


@pytest.mark.parametrize("user_agent", OTHERS)
def test_other_browsers_are_believed_without_those_headers(user_agent: str) -> None:
    assert _judge(user_agent) == (None, False)


def test_browsers_keep_those_headers_for_https() -> None:
    assert _judge(CURRENT[0], encrypted=False) == (None, False)


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
def test_a_search_engine_is_believed_from_its_own_addresses(user_agent: str, client: str) -> None:
    assert _judge(user_agent, client=client) == (Category.SEARCH_ENGINE, False)


@pytest.mark.parametrize(
    "client",
    ["192.0.2.1", "66.249.80.1", "66.249.63.255", "2001:db8::1", "unknown", "", "66.249.66.1, x"],
)
@pytest.mark.parametrize("user_agent", [GOOGLEBOT, BINGBOT, "YandexBot/3.0", "googlebot"])
def test_from_any_other_it_is_an_impostor(user_agent: str, client: str) -> None:
    assert _judge(user_agent, client=client) == (Category.IMPOSTOR, True)


def test_a_search_engines_address_excuses_nothing_else() -> None:
    assert _judge("GPTBot/1.3", client="66.249.66.1") == (Category.AI_CRAWLER, True)
    assert _judge(f"{GOOGLEBOT} sqlmap", client="66.249.66.1") == (Category.SCANNER, True)


def test_the_policy_is_a_setting() -> None:
    judge = Judge(
        BotsSettings.model_validate(
            {"refuse": "http-library, seo", "search_engine_networks": "192.0.2.0/24, 2001:db8::/32"}
        )
    )
    assert _judge("curl/8.14.1", judge=judge) == (Category.HTTP_LIBRARY, True)
    assert _judge("GPTBot/1.3", judge=judge) == (Category.AI_CRAWLER, False)
    assert _judge(GOOGLEBOT, judge=judge, client="192.0.2.9") == (Category.SEARCH_ENGINE, False)
    assert _judge(GOOGLEBOT, judge=judge, client="2001:db8::9") == (Category.SEARCH_ENGINE, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"refuse": "ai-crawlers"},
        {"mode": "off"},
        {"search_engine_networks": "66.249.64.1/20"},
        {"search_engine_networks": "google"},
    ],
)
def test_a_misspelt_policy_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        BotsSettings.model_validate(wrong)
