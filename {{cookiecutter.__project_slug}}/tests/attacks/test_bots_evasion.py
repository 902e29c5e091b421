"""Layer 5 under attack by those who know it: names, headers and paths made to slip past it."""

from __future__ import annotations

import httpx
import pytest

from tests.attacks.test_bots import BROWSER, CHROME, GOOGLEBOT, JWKS, get, is_refused
from tests.raw import ask, open_plain, request
from tests.stack import Stack, fresh_source

DOCS = "/docs"
CURL = "curl/8.14.1"


@pytest.mark.parametrize(
    "user_agent",
    [
        *("GPTBOT/1.3", "gPtBoT/1.3", "ahrefsbot/7.0", "SEMRUSHBOT", "SqlMap/1.9", "cLaUdEbOt"),
        *("(GPTBot/1.3)", "Mozilla/5.0\tGPTBot/1.3", "curl/8.14.1 (GPTBot)"),
        *(f"{'x' * 1000} GPTBot", f"GPTBot {'x' * 4000}", "GPTBot/1.3\xa0", "\xfe\xffGPTBot\x80"),
        *(f"{CHROME} GPTBot/1.3", f"GPTBot/1.3 {CHROME}", "kube-probe/1.34 GPTBot/1.3"),
    ],
)
def test_attack_a_name_is_known_however_it_is_written(stack: Stack, user_agent: str) -> None:
    client = stack.client()
    sent = [(b"User-Agent", user_agent.encode("latin-1")), (b"Sec-Fetch-Site", b"none")]
    assert is_refused(client.get(JWKS, headers=sent))


@pytest.mark.parametrize(
    "user_agent",
    ["CUBOT X70", "Abbott-App/3.2", "Panasonic-TV/5", "Ünïcode-App/1", "a", "x" * 1000],
)
def test_twin_an_app_may_call_itself_what_it_likes(stack: Stack, user_agent: str) -> None:
    sent = [(b"User-Agent", user_agent.encode("latin-1"))]
    assert stack.client().get(JWKS, headers=sent).status_code == 200


@pytest.mark.parametrize("size", [1025, 7_000, 8_192, 20_000])
def test_attack_a_name_of_kilobytes_opens_nothing(stack: Stack, size: int) -> None:
    answer = get(stack, "x" * size)
    assert is_refused(answer) or answer.status_code in {400, 431}


@pytest.mark.parametrize(
    "headers",
    [
        {"From": "googlebot(at)googlebot.com", "Referer": "https://www.google.com/"},
        {"Forwarded": "for=66.249.66.1", "X-Real-IP": "66.249.66.1"},
        {"X-Forwarded-For": "66.249.66.1", "True-Client-IP": "66.249.66.1"},
        {"Client-IP": "66.249.66.1", "CF-Connecting-IP": "66.249.66.1"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_attack_no_header_makes_a_stranger_a_search_engine(
    stack: Stack, headers: dict[str, str]
) -> None:
    assert is_refused(get(stack, GOOGLEBOT, **headers))


def test_twin_words_in_other_headers_are_held_against_nobody(stack: Stack) -> None:
    sent = {"Referer": "https://blog.example/gptbot-and-sqlmap", "X-Title": "Scrapy", **BROWSER}
    assert get(stack, CHROME, **sent).status_code == 200


@pytest.mark.parametrize(
    "address", ["2001:db8::1", "2001:4860:4860::8888", "::ffff:192.0.2.1", "64:ff9b::4042:4201"]
)
def test_attack_a_search_engines_name_needs_its_network_over_ipv6_too(
    stack: Stack, address: str
) -> None:
    # Nobody here has such an address: this says what nginx would say of one that has.
    said_by_nginx = {
        "Host": "localhost",
        "User-Agent": GOOGLEBOT,
        "X-Forwarded-For": address,
        "X-Forwarded-Proto": "https",
    }
    with httpx.Client(base_url=stack.app_url, headers=said_by_nginx, trust_env=False) as nginx:
        assert is_refused(nginx.get(JWKS))


@pytest.mark.parametrize(
    "forged",
    [
        {"Sec-Fetch-Site": "same-origin, none"},
        {"Sec-Fetch-Site": "SAME-ORIGIN"},
        {"Sec-Fetch-Site": "self"},
        {"Sec-Fetch-Mode": "navigate"},
        {"X-TLS-Grease": "1", "Sec-CH-UA": '"Chromium";v="142"'},
    ],
    ids=str,
)
def test_attack_forged_metadata_makes_no_browser(stack: Stack, forged: dict[str, str]) -> None:
    assert is_refused(get(stack, CHROME, **forged))


@pytest.mark.parametrize(
    "path",
    ["/docs", "/docs?", "/docs?next=/openapi.json", "/%64ocs", "/docs/swagger-ui.css", "/./docs"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_attack_a_library_gets_no_page_by_another_spelling_of_its_path(
    stack: Stack, method: str, path: str
) -> None:
    line = request(path, f"User-Agent: {CURL}").replace(b"GET ", f"{method} ".encode(), 1)
    with open_plain(stack.https_port, fresh_source()) as plain:
        tls = stack.tls_context().wrap_socket(plain, server_hostname="localhost")
        answer = ask(tls, line)
    assert answer.status in {400, 403, 404}
    assert b"<html" not in answer.body.lower()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/openapi.json", JWKS, "/healthz"])
def test_twin_a_library_reads_what_clients_need(stack: Stack, method: str, path: str) -> None:
    answer = stack.client().request(method, path, headers={"User-Agent": CURL})
    assert answer.status_code in {200, 405 if method == "HEAD" else 200}


@pytest.mark.parametrize("method", ["OPTIONS", "PURGE", "POST", "DELETE"])
def test_attack_another_method_is_no_way_in_for_a_crawler(stack: Stack, method: str) -> None:
    answer = stack.client().request(method, JWKS, headers={"User-Agent": "GPTBot/1.3"})
    assert is_refused(answer) or answer.status_code == 405


def test_twin_an_allowed_pages_preflight_is_answered(stack: Stack) -> None:
    asked = {
        "Origin": "https://app.example.test",
        "Access-Control-Request-Method": "GET",
        "User-Agent": CHROME,
        **BROWSER,
    }
    answer = stack.client().options("/api/v1/accounts/me", headers=asked)
    assert answer.status_code in {200, 204}
    assert answer.headers["access-control-allow-origin"] == "https://app.example.test"
