"""What user agents are taken for."""

from __future__ import annotations

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from app.layers.bots import Category
from app.layers.bots.local import Claim, UserAgents, user_agents
from app.layers.bots.local.overlay import CRAWLING, NO_BOTS, RECLASSIFIED, SHORT
from app.layers.bots.local.user_agents import CACHE_SIZE, MAX_BYTES

USER_AGENTS = UserAgents()

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = f"Mozilla/5.0 (Linux; Android 14; SM-S921B) {WEBKIT}"
IN_APP = f"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A; wv) {WEBKIT} Version/4.0"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {IOS}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) {IOS}"

CHROMIUM = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/90.0.4430.72 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/142.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
    f"{ANDROID} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/141.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/138.0.0.0 YaBrowser/25.8.0 Safari/537.36",
    f"{IN_APP} Chrome/141.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/530.0.0.48;]",
    f"Mozilla/5.0 (Linux; Android 13; CUBOT NOTE) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36",
)
FIREFOX = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:90.0) Gecko/20100101 Firefox/90.0",
    "Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
)
CURRENT = CHROMIUM + FIREFOX
"""Browsers that send Sec-Fetch-Site."""

OTHERS = (
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {IOS} Version/18.5 Safari/605.1.15",
    f"{IPHONE} Version/18.6 Mobile/15E148 Safari/604.1",
    f"{IPHONE} CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1",
    f"{IPHONE} FxiOS/144.0 Mobile/15E148 Safari/605.1.15",
    f"{IPHONE} Mobile/22G86 Instagram 400.0.0.27.99 (iPhone15,4; iOS 18_6)",
    f"{IPAD} EdgiOS/141.0.0.0 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Windows NT 6.1) {WEBKIT} Chrome/79.0.3945.130 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
    "Mozilla/5.0 (Windows NT 6.1; rv:78.0) Gecko/20100101 Firefox/78.0",
    "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Goanna/6.8 Firefox/128.0 PaleMoon/33.9",
    "Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.21",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Lynx/2.9.2 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.0.15",
    "OurApp/4.2 (Android 15; en_GB)",
    "tests/1.0",
    "a",
)
"""Browsers that do not, or did not yet, and clients of somebody's own."""


@pytest.mark.parametrize("user_agent", CURRENT)
def test_a_current_browser_is_known_to_send_fetch_metadata(user_agent: str) -> None:
    browser = user_agents.CHROMIUM if user_agent in CHROMIUM else user_agents.FIREFOX
    assert USER_AGENTS.claim(user_agent.encode()) == Claim(None, browser)


@pytest.mark.parametrize("user_agent", OTHERS)
def test_twin_other_browsers_and_clients_are_nothing_known(user_agent: str) -> None:
    assert USER_AGENTS.claim(user_agent.encode()) == Claim(None)


def test_every_crawler_of_the_data_is_recognised() -> None:
    instances = [
        text
        for entry in CRAWLER_USER_AGENTS_DATA
        if entry["pattern"] not in NO_BOTS
        for text in entry["instances"]
    ]
    missed = [text for text in instances if USER_AGENTS.claim(text.encode()).category is None]
    assert len(instances) > 2000
    assert missed == []


def test_what_is_reclassified_is_still_in_the_data() -> None:
    patterns = {entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA}
    assert {*RECLASSIFIED, *NO_BOTS} <= patterns


def test_attack_crawlers_are_known_however_they_write_their_names() -> None:
    named = [
        text
        for entry in CRAWLER_USER_AGENTS_DATA
        if CRAWLING.search(entry["pattern"]) and len(entry["pattern"]) >= SHORT
        for text in entry["instances"]
    ]
    assert len(named) > 800
    for text in named:
        for written in (text.lower(), text.upper(), text.swapcase()):
            assert USER_AGENTS.claim(written.encode()).category is not None, written


@pytest.mark.parametrize(
    "user_agent",
    [
        *("CUBOT X70", "MyRobotApp/1.0", "irobot-home/7 (iOS)", "Panasonic/1.0", "PANASONIC TV"),
        *("chatbot-widget/2", "botox-clinic-app/1", "scrapbook/3 (Android)", "abbott-app/1"),
        *("SpiderMonkey/1", "Abbott-LibreView/3.2", "Lambot-Till/4", "RoboForm/9.7"),
    ],
)
def test_twin_a_word_in_a_name_makes_no_crawler(user_agent: str) -> None:
    assert USER_AGENTS.claim(user_agent.encode()) == Claim(None)


@pytest.mark.parametrize(
    "user_agent",
    [
        *(
            "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "PayPal/AUHR-1.0",
            "Zapier",
            "IFTTT/1.0",
        ),
        *("Make/production", "WordPress/6.8.3; https://shop.example.com", "Svix-Webhooks/1.62"),
        *("Shopify-Captain-Hook", "SFDC-Callout/64.0", "Mozilla/3.0 (compatible; Indy Library)"),
    ],
)
def test_twin_who_calls_an_api_for_somebody_is_one_of_its_clients(user_agent: str) -> None:
    assert USER_AGENTS.claim(user_agent.encode()).category is Category.HTTP_LIBRARY


@pytest.mark.parametrize(
    ("user_agent", "category"),
    [
        ("undici", Category.HTTP_LIBRARY),
        ("node", Category.HTTP_LIBRARY),
        ("Java/17.0.2", Category.HTTP_LIBRARY),
        ("PostmanRuntime/7.43.0", Category.HTTP_LIBRARY),
        ("python-httpx/0.28.1", Category.HTTP_LIBRARY),
        ("curl/8.14.1", Category.HTTP_LIBRARY),
        ("okhttp/4.12.0", Category.HTTP_LIBRARY),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", Category.HTTP_LIBRARY),
        ("OurApp/1 CFNetwork/1568.300.101 Darwin/24.2.0", Category.HTTP_LIBRARY),
        (
            "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
            Category.SEARCH_ENGINE,
        ),
        ("YandexBot/3.0", Category.SEARCH_ENGINE),
        ("Nuclei - Open-source project (github.com/projectdiscovery/nuclei)", Category.SCANNER),
        ("Fuzz Faster U Fool v2.1.0-dev", Category.SCANNER),
        ("feroxbuster/2.11.0", Category.SCANNER),
        ("sqlmap/1.9#stable (https://sqlmap.org)", Category.SCANNER),
        ("SQLMAP/1.9", Category.SCANNER),
        (
            f"Mozilla/5.0 (X11) {WEBKIT} HeadlessChrome/142.0.0.0 Safari/537.36",
            "browser-automation",
        ),
        ("Mozilla/5.0 puppeteer", Category.BROWSER_AUTOMATION),
        ("GPTBot/1.3", Category.AI_CRAWLER),
        ("gptbot", Category.AI_CRAWLER),
        ("Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", Category.AI_CRAWLER),
        ("Scrapy/2.13.3 (+https://scrapy.org)", Category.SCRAPER),
        ("AhrefsBot/7.0", Category.SEO),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Category.SOCIAL_PREVIEW),
        ("kube-probe/1.34", Category.MONITORING),
        ("ELB-HealthChecker/2.0", Category.MONITORING),
        ("GoogleHC/1.0", Category.MONITORING),
    ],
)
def test_a_program_is_taken_for_what_it_is(user_agent: str, category: str) -> None:
    assert USER_AGENTS.claim(user_agent.encode()).category == category


@pytest.mark.parametrize(
    ("user_agent", "category"),
    [
        ("OAI-SearchBot/1.3", Category.AI_CRAWLER),  # AI crawler and search engine
        ("Adidxbot/2.0", Category.ADVERTISING),  # advertising and search engine
        ("Googlebot-IA/1.0", Category.SEARCH_ENGINE),  # academic and search engine: verified
        ("Googlebot/2.1 GPTBot/1.0", Category.AI_CRAWLER),
        ("Googlebot/2.1 sqlmap/1.9", Category.SCANNER),
        ("kube-probe/1.34 Googlebot/2.1", Category.SEARCH_ENGINE),
        ("curl/8.14.1 bingbot/2.0", Category.SEARCH_ENGINE),
    ],
)
def test_attack_of_several_names_the_one_that_does_most_harm_counts(
    user_agent: str, category: Category
) -> None:
    assert USER_AGENTS.claim(user_agent.encode()).category is category


@pytest.mark.parametrize("user_agent", [b"", b" ", b" \t "])
def test_no_name_is_a_category(user_agent: bytes) -> None:
    assert USER_AGENTS.claim(user_agent).category is Category.UNNAMED


def test_attack_padding_does_not_push_a_name_out_of_sight() -> None:
    assert USER_AGENTS.claim(b"x" * (MAX_BYTES - 6) + b"GPTBot").category is Category.AI_CRAWLER
    assert USER_AGENTS.claim(b"x" * (MAX_BYTES - 5) + b"GPTBot").category is Category.MALFORMED


def test_attack_bytes_that_are_no_text_hide_no_name() -> None:
    assert USER_AGENTS.claim(b"\xff\xfe\x80 GPTBot/1.0").category is Category.AI_CRAWLER
    assert USER_AGENTS.claim(b"\xff\xfe\x80").category is None


def test_what_is_remembered_is_bounded() -> None:
    fresh = UserAgents()
    for number in range(CACHE_SIZE + 100):
        fresh.claim(b"client/%d" % number)
    assert fresh.claim.cache_info().currsize == CACHE_SIZE
