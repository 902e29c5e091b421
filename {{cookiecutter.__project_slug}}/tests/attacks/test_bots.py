"""Layer 5 under attack: crawlers, scanners, impostors and programs that pose as browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.stack import fresh_source

if TYPE_CHECKING:
    from tests.stack import Stack

JWKS = "/.well-known/jwks.json"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Safari/605.1.15"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BINGBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"

BROWSER = {
    "Accept": "*/*",
    "Accept-Language": "en-GB,en;q=0.9",
    "Sec-CH-UA": '"Chromium";v="142", "Not_A Brand";v="99"',
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
}
"""What a current browser sends. Its handshake no library has, and alone that is not enough."""


def get(stack: Stack, user_agent: str, path: str = JWKS, **headers: str) -> httpx.Response:
    return stack.client().get(path, headers={"User-Agent": user_agent, **headers})


def is_refused(answer: httpx.Response) -> bool:
    """Whether it is a refusal, and one that does not say why."""
    if answer.status_code != 403:
        return False
    problem = answer.json()
    problem.pop("request_id")
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem == {
        "type": "urn:problem:forbidden",
        "title": "Forbidden",
        "status": 403,
        "detail": "This request was refused.",
    }
    return True


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; GPTBot/1.3; +https://openai.com/gptbot)",
        "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "CCBot/2.0 (https://commoncrawl.org/faq/)",
        "OAI-SearchBot/1.3",
        "gptbot",
    ],
)
def test_attack_an_ai_crawler_is_refused(stack: Stack, user_agent: str) -> None:
    assert is_refused(get(stack, user_agent))


@pytest.mark.parametrize(
    "user_agent",
    [
        "sqlmap/1.9#stable (https://sqlmap.org)",
        "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)",
        "Scrapy/2.13.3 (+https://scrapy.org)",
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "curl/8.14.1 GPTBot/1.3",
    ],
)
def test_attack_scanners_scrapers_and_automated_browsers_are_refused(
    stack: Stack, user_agent: str
) -> None:
    assert is_refused(get(stack, user_agent, **{"Sec-Fetch-Site": "none"}))


@pytest.mark.parametrize(
    "user_agent",
    [
        "python-httpx/0.28.1",
        "curl/8.14.1",
        "PostmanRuntime/7.43.0",
        "okhttp/4.12.0",
        "node",
        "OurApp/4.2 (Android 15; en_GB)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://uptimerobot.com/)",
    ],
)
def test_twin_the_clients_of_an_api_are_let_through(stack: Stack, user_agent: str) -> None:
    assert get(stack, user_agent).status_code == 200


def test_attack_a_client_without_a_name_is_refused(stack: Stack) -> None:
    client = stack.client()
    del client.headers["User-Agent"]
    assert is_refused(client.get(JWKS))
    assert is_refused(get(stack, ""))


def test_attack_a_name_longer_than_any_real_one_is_refused(stack: Stack) -> None:
    assert is_refused(get(stack, "x" * 4000))


def test_twin_the_long_name_of_a_browser_inside_an_app_is_let_through(stack: Stack) -> None:
    assert get(stack, f"{SAFARI} [{'FBAN/FBIOS;FBAV/530.0.0.48;' * 15}]").status_code == 200


@pytest.mark.parametrize("names", [("curl/8.14.1", "GPTBot/1.3"), ("GPTBot/1.3", "curl/8.14.1")])
def test_attack_two_names_are_refused_in_either_order(stack: Stack, names: tuple[str, ...]) -> None:
    client = stack.client()
    del client.headers["User-Agent"]
    answer = client.get(JWKS, headers=[("User-Agent", name) for name in names])
    assert answer.status_code == 400 or is_refused(answer)


@pytest.mark.parametrize("user_agent", [GOOGLEBOT, BINGBOT, "YandexBot/3.0", "googlebot"])
def test_attack_whoever_only_calls_itself_a_search_engine_is_refused(
    stack: Stack, user_agent: str
) -> None:
    assert is_refused(get(stack, user_agent))
    # Nor does a header that names one of its addresses help.
    assert is_refused(get(stack, user_agent, **{"X-Forwarded-For": "66.249.66.1"}))


@pytest.mark.parametrize(
    ("user_agent", "address"), [(GOOGLEBOT, "66.249.66.1"), (BINGBOT, "157.55.39.1")]
)
def test_twin_a_search_engine_is_let_through_from_its_own_addresses(
    stack: Stack, user_agent: str, address: str
) -> None:
    # Nobody here has such an address: this says what nginx would say of one that has.
    said_by_nginx = {
        "Host": "localhost",
        "User-Agent": user_agent,
        "X-Forwarded-For": address,
        "X-Forwarded-Proto": "https",
    }
    with httpx.Client(base_url=stack.app_url, headers=said_by_nginx, trust_env=False) as nginx:
        assert nginx.get(JWKS).status_code == 200


@pytest.mark.parametrize("user_agent", [CHROME, f"{CHROME} Edg/142.0.0.0", FIREFOX])
def test_attack_a_program_that_poses_as_a_current_browser_is_refused(
    stack: Stack, user_agent: str
) -> None:
    assert is_refused(get(stack, user_agent))
    assert is_refused(get(stack, user_agent, Accept="text/html", **{"Accept-Language": "en-GB"}))


@pytest.mark.parametrize("user_agent", [CHROME, f"{CHROME} Edg/142.0.0.0", FIREFOX])
def test_twin_a_current_browser_is_let_through(stack: Stack, user_agent: str) -> None:
    assert get(stack, user_agent, **BROWSER).status_code == 200


def test_attack_a_browsers_headers_without_its_handshake_are_told_from_one(stack: Stack) -> None:
    # Python's TLS offers no GREASE, whatever the program says of itself.
    few = {name: value for name, value in BROWSER.items() if name.startswith("Sec-Fetch")}
    source = fresh_source()
    for forged in ({}, {"X-TLS-Grease": "1"}):
        headers = {"User-Agent": CHROME, **few, **forged}
        assert is_refused(stack.client(source).get(JWKS, headers=headers))
    fields: dict[str, Any] = {"source.ip": source}
    for event in stack.log_lines(event="bot_refused", **fields):
        assert event["app.category"] == "spoofed-browser"
        assert "no GREASE in the TLS handshake" in event["app.reasons"]


def test_attack_two_oddities_of_a_browser_are_slowed_and_logged(stack: Stack) -> None:
    source = fresh_source()
    sent = {name: value for name, value in BROWSER.items() if name != "Sec-CH-UA"}
    client = stack.client(source)
    assert client.get(JWKS, headers={"User-Agent": CHROME, **sent}).status_code == 200
    fields: dict[str, Any] = {"source.ip": source}
    (event,) = stack.log_lines(event="bot_slowed", **fields)
    assert event["app.reasons"] == ["no Sec-CH-UA", "no GREASE in the TLS handshake"]


@pytest.mark.parametrize("user_agent", ["python-httpx/0.28.1", "curl/8.14.1", "Wget/1.25.0"])
def test_attack_a_library_copies_no_public_page(stack: Stack, user_agent: str) -> None:
    assert is_refused(get(stack, user_agent, "/docs"))


@pytest.mark.parametrize("user_agent", ["python-httpx/0.28.1", "curl/8.14.1"])
def test_twin_a_library_logs_in_and_works_with_its_token(stack: Stack, user_agent: str) -> None:
    account = stack.signup(stack.client(headers={"User-Agent": user_agent}))
    assert account.client.get("/api/v1/accounts/me").status_code == 200
    assert get(stack, user_agent, "/api/v1/accounts/me").status_code == 401
    assert get(stack, user_agent, "/openapi.json").status_code == 200


def test_twin_a_browser_that_never_sent_fetch_metadata_is_let_through(stack: Stack) -> None:
    assert get(stack, SAFARI).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/accounts/me", "/nothing/here"])
def test_attack_a_scanner_learns_of_no_path(stack: Stack, path: str) -> None:
    assert is_refused(get(stack, "masscan/1.3", path))


@pytest.mark.parametrize("user_agent", ["kube-probe/1.34", "ELB-HealthChecker/2.0", "GoogleHC/1.0"])
def test_twin_the_probes_of_orchestrators_are_let_through(stack: Stack, user_agent: str) -> None:
    assert get(stack, user_agent, "/healthz").status_code == 200


def test_attack_a_refusal_is_logged_with_what_the_client_was_taken_for(stack: Stack) -> None:
    source = fresh_source()
    stack.client(source).get(JWKS, headers={"User-Agent": GOOGLEBOT})
    fields: dict[str, Any] = {"source.ip": source}
    (event,) = stack.log_lines(event="bot_refused", **fields)
    assert event["app.category"] == "impostor"


def test_attack_refused_requests_use_up_the_limit_too(stack: Stack) -> None:
    client = stack.client(headers={"User-Agent": "GPTBot/1.3"})
    for _ in range(100):
        assert is_refused(client.get(JWKS))
    assert client.get(JWKS).status_code == 429
