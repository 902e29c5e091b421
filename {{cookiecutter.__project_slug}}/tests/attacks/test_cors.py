"""Layer 3 under attack: a foreign page gets nothing read and nothing done.

What a page may ask for beforehand: `test_cors_preflights.py`. Nginx's own answers:
`test_cors_edge.py`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.pages import ALLOWED, EVIL, assert_refused, grants
from tests.raw import ask, assert_problem, open_tls, request

if TYPE_CHECKING:
    from tests.stack import Stack

PASSWORD = "Correct-horse-7"
SIGNUP = "/api/v1/accounts/signup"
LOGOUT = "/api/v1/accounts/logout"
HANDSHAKE = (
    "Connection: Upgrade, close",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "*",
        "https://app.example.test.evil.example",
        "https://evilapp.example.test",
        "https://example.test",
        "https://sub.app.example.test",
        "https://appXexample.test",
        "http://app.example.test",
        "https://app.example.test:8443",
        "https://app.example.test:443",
        "https://app.example.test.",
        "https://APP.example.test",
        "https://app.example.test/",
        "https://app.example.test@evil.example",
        "https://app.example.test, https://evil.example",
        "https://app.example.test https://evil.example",
        "https://localhost",
        "file://",
    ],
)
def test_attack_a_foreign_page_is_refused_before_the_handler(stack: Stack, origin: str) -> None:
    given = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    client = stack.client()
    refused = client.post(SIGNUP, json=given, headers={"Origin": origin})
    assert_refused(refused)
    assert "evil" not in f"{refused.headers}{refused.text}"
    # The handler did not run: the address is still free.
    assert client.post(SIGNUP, json=given).status_code == 201


@pytest.mark.parametrize(
    "lines",
    [
        ("Origin:",),
        ("Origin:   ",),
        (f"Origin: {ALLOWED}", f"Origin: {EVIL}"),
        (f"Origin: {EVIL}", f"Origin: {ALLOWED}"),
        (f"Origin: {ALLOWED}", f"origin: {ALLOWED}"),
        (f"Origin: {ALLOWED}", "Origin: null"),
        ("Origin: https://\xe4pp.example.test",),
    ],
    ids=["empty", "blank", "first", "second", "twice", "null beside it", "bytes"],
)
def test_attack_an_origin_that_no_browser_sends_is_refused(
    stack: Stack, lines: tuple[str, ...]
) -> None:
    assert_refused(ask(open_tls(stack), request("/healthz", *lines)))


def test_attack_a_refused_origin_leaves_a_log_event(stack: Stack) -> None:
    asked = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-tenant,x-csrf",
    }
    answer = stack.client().options("/healthz", headers={"Origin": EVIL} | asked)
    assert_refused(answer)
    (line,) = stack.log_lines(event="origin_refused", request_id=answer.headers["x-request-id"])
    assert line["app.reason"] == "origin"
    assert line["app.origin"] == EVIL
    assert line["app.asked_method"] == "PUT"
    assert line["app.asked_headers"] == "x-tenant,x-csrf"


@pytest.mark.parametrize(
    "lines",
    [
        ("Sec-Fetch-Site: cross-site",),
        ("Sec-Fetch-Site: same-site",),
        ("Sec-Fetch-Site: SAME-ORIGIN",),
        ("Sec-Fetch-Site: unheard-of",),
        ("Sec-Fetch-Site:",),
        ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"),
        ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin"),
    ],
    ids=["another site", "a sibling", "upper case", "unknown", "empty", "both", "twice"],
)
def test_attack_a_write_that_another_site_caused_without_an_origin_is_refused(
    stack: Stack, lines: tuple[str, ...]
) -> None:
    sent = request(LOGOUT, *lines, "Content-Length: 0", method="POST")
    assert_refused(ask(open_tls(stack), sent))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_attack_every_method_that_changes_something_is_guarded(stack: Stack, method: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert_refused(stack.client().request(method, "/api/v1/accounts/me", headers=headers))


@pytest.mark.parametrize("lines", [(), ("Sec-Fetch-Site: same-origin",), ("Sec-Fetch-Site: none",)])
def test_twin_a_program_and_our_own_page_come_as_far_as_the_login(
    stack: Stack, lines: tuple[str, ...]
) -> None:
    sent = request(LOGOUT, *lines, "Content-Length: 0", method="POST")
    answer = ask(open_tls(stack), sent)
    assert answer.status == 401
    assert answer.json()["type"] == "urn:problem:unauthenticated"


def test_twin_a_link_from_another_site_leads_here(stack: Stack) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert stack.client().get("/healthz", headers=headers).status_code == 200


def test_attack_credentials_are_never_allowed(stack: Stack) -> None:
    """A page's fetch with cookies is then refused by its browser."""
    asked = {"Origin": ALLOWED, "Access-Control-Request-Method": "POST"}
    for method, path, headers in (
        ("GET", "/healthz", {"Origin": ALLOWED, "Cookie": "session=1"}),
        ("OPTIONS", SIGNUP, asked),
        ("GET", "/nowhere", {"Origin": ALLOWED}),
    ):
        answer = stack.client().request(method, path, headers=headers)
        assert answer.headers["access-control-allow-origin"] == ALLOWED
        assert "access-control-allow-credentials" not in answer.headers


def test_attack_a_websocket_from_a_foreign_page_is_refused(stack: Stack) -> None:
    sent = request("/healthz", f"Origin: {EVIL}", *HANDSHAKE)
    assert_refused(ask(open_tls(stack), sent.replace(b"Connection: close\r\n", b"", 1)))


def test_twin_an_allowed_pages_handshake_is_a_plain_request(stack: Stack) -> None:
    """nginx hands no upgrade on, so there is nothing to be taken over."""
    answer = stack.client().get(
        "/healthz", headers={"Origin": ALLOWED, "Upgrade": "websocket", "Connection": "Upgrade"}
    )
    assert answer.status_code == 200
    assert "upgrade" not in answer.headers


def test_attack_options_from_a_foreign_page_that_is_no_preflight_is_refused(stack: Stack) -> None:
    assert_refused(stack.client().options("/healthz", headers={"Origin": EVIL}))


def test_twin_options_that_is_no_preflight_is_a_method_like_any_other(stack: Stack) -> None:
    answer = stack.client().options("/healthz", headers={"Origin": ALLOWED})
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["access-control-allow-origin"] == ALLOWED


def test_attack_a_foreign_page_does_not_read_that_it_is_limited(stack: Stack) -> None:
    client = stack.client()
    answers = (client.get("/nowhere") for _ in range(120))
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert not grants(limited)
    assert_refused(client.get("/nowhere", headers={"Origin": EVIL}))


def test_twin_an_allowed_page_reads_that_it_is_limited_and_for_how_long(stack: Stack) -> None:
    client = stack.client(headers={"Origin": ALLOWED})
    answers = (client.get("/nowhere") for _ in range(120))
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert limited.headers.get_list("access-control-allow-origin") == [ALLOWED]
    assert "Retry-After" in limited.headers["access-control-expose-headers"]
    assert limited.headers["retry-after"].isdigit()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/api/v1/accounts/me", 401),
        ("/nowhere", 404),
        ("/healthz?x=1", 422),
        ("/docs", 200),
    ],
)
def test_twin_an_allowed_page_reads_answers_and_errors(
    stack: Stack, path: str, status: int
) -> None:
    answer = stack.client().get(path, headers={"Origin": ALLOWED})
    assert answer.status_code == status
    assert answer.headers.get_list("access-control-allow-origin") == [ALLOWED]
    assert answer.headers.get_list("vary") == ["Origin"]


def test_twin_our_own_page_is_served_and_granted_nothing(stack: Stack) -> None:
    answer = stack.client().get("/healthz", headers={"Origin": stack.https_url})
    assert answer.status_code == 200
    assert not grants(answer)


def test_twin_a_server_without_an_origin_is_served_and_caches_are_told(stack: Stack) -> None:
    answer = stack.client().get("/healthz")
    assert answer.status_code == 200
    assert answer.headers.get_list("vary") == ["Origin"]
    assert not grants(answer)
