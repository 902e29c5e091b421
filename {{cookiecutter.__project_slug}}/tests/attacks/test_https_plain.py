"""Attacks on layer 1 over plain HTTP: secrets in the clear, and redirects to somewhere else.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, open_plain, request

if TYPE_CHECKING:
    from tests.raw import Answer
    from tests.stack import Stack

CREDENTIALS = [
    "Authorization: Bearer s3cret",
    "authorization: Basic s3cret",
    "Authorization: \tBearer s3cret",
    "Proxy-Authorization: Basic s3cret",
    "Cookie: session=s3cret",
]


def plainly(stack: Stack, sent: bytes) -> Answer:
    """Return the answer of port 80."""
    return ask(open_plain(stack.http_port), sent)


# Secrets in the clear


@pytest.mark.parametrize("target", ["/", "/docs", "/api/v1/notes"])
@pytest.mark.parametrize("header", CREDENTIALS)
def test_attack_a_secret_over_plain_http(stack: Stack, target: str, header: str) -> None:
    """Whoever is on the way has read it; a redirect would hide that (ASVS 5.0 V4.1.2)."""
    answer = plainly(stack, request(target, header))
    assert_problem(answer, 403, "https-required", is_plain=True)
    assert "location" not in answer.headers
    number = answer.headers["x-request-id"]
    assert stack.log_lines("credentials_exposed", source="access", request_id=number)
    assert b"s3cret" not in stack.log_path("access").read_bytes()


@pytest.mark.parametrize("header", CREDENTIALS)
@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_attack_a_secret_over_plain_http_by_another_method(
    stack: Stack, method: str, header: str
) -> None:
    answer = plainly(stack, request("/", header, method=method))
    assert answer.status == 403
    assert "location" not in answer.headers
    number = answer.headers["x-request-id"]
    assert stack.log_lines("credentials_exposed", source="access", request_id=number)


@pytest.mark.parametrize("header", CREDENTIALS)
def test_attack_a_secret_over_plain_http_on_the_tls_port(stack: Stack, header: str) -> None:
    answer = ask(open_plain(stack.https_port), request("/", header))
    assert_problem(answer, 400, "malformed", is_plain=True)
    number = answer.headers["x-request-id"]
    assert stack.log_lines("credentials_exposed", source="access", request_id=number)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"]
)
def test_attack_a_program_that_was_told_the_wrong_address(stack: Stack, method: str) -> None:
    answer = plainly(stack, request("/", method=method))
    assert_problem(answer, 403, "https-required", is_plain=True)
    assert "location" not in answer.headers
    assert "Use HTTPS" in answer.json()["detail"]
    number = answer.headers["x-request-id"]
    assert stack.log_lines("edge_request", source="access", request_id=number)


def test_attack_a_trace_over_plain_http(stack: Stack) -> None:
    """nginx refuses TRACE by itself, before it looks for a location."""
    answer = plainly(stack, request("/", CREDENTIALS[-1], method="TRACE"))
    assert_problem(answer, 405, "method-not-allowed", is_plain=True)
    assert b"s3cret" not in answer.body


@pytest.mark.parametrize(
    "target",
    [
        "/api/",
        "/api/v1/notes",
        "//api/v1/notes",
        "/%61pi/v1/notes",
        "/x/../api/v1/notes",
        "/./api/",
        "http://localhost/api/v1/notes",
    ],
)
def test_attack_an_api_call_over_plain_http(stack: Stack, target: str) -> None:
    assert_problem(plainly(stack, request(target)), 403, "https-required", is_plain=True)


def test_twin_a_path_that_only_begins_like_the_api(stack: Stack) -> None:
    assert plainly(stack, request("/apiary")).status == 308


@pytest.mark.parametrize("headers", [(), ("Cookie:",), ("Authorization: ",)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_twin_a_visitor_over_plain_http_is_sent_to_https(
    stack: Stack, method: str, headers: tuple[str, ...]
) -> None:
    answer = plainly(stack, request("/docs?x=1", *headers, method=method))
    assert answer.status == 308
    assert answer.headers["location"] == f"{stack.https_url}/docs?x=1"
    assert "strict-transport-security" not in answer.headers
    number = answer.headers["x-request-id"]
    assert stack.log_lines("edge_request", source="access", request_id=number)


def test_attack_plain_http_on_the_tls_port(stack: Stack) -> None:
    answer = ask(open_plain(stack.https_port), request())
    assert_problem(answer, 400, "malformed", is_plain=True)


# Redirects and names


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/%0d%0aLocation:%20https://evil.example",
        "/\\evil.example",
        "/@evil.example",
        "/.evil.example",
        "http://localhost/@evil.example",
    ],
)
def test_attack_a_redirect_to_somewhere_else(stack: Stack, target: str) -> None:
    answer = plainly(stack, request(target))
    assert answer.status == 308
    assert answer.headers["location"].startswith(f"{stack.https_url}/")


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Forwarded", "X-Original-URL", "X-Host"])
def test_attack_a_redirect_that_a_header_asks_for(stack: Stack, name: str) -> None:
    answer = plainly(stack, request("/x", f"{name}: evil.example"))
    assert (answer.status, answer.headers["location"]) == (308, f"{stack.https_url}/x")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil.example", "_"])
def test_attack_an_evil_host_over_plain_http(stack: Stack, host: str) -> None:
    assert plainly(stack, request(host=host)).status == 0


def test_attack_an_absolute_target_that_is_not_ours_over_plain_http(stack: Stack) -> None:
    assert plainly(stack, request("http://evil.example/")).status == 0


def test_attack_scanners_with_made_up_secrets_raise_no_alarm(stack: Stack) -> None:
    answer = plainly(stack, request("/", CREDENTIALS[0], host="evil.example"))
    assert answer.status == 0
    lines = stack.log_lines(source="access", host="evil.example")
    assert {line["event.action"] for line in lines} == {"edge_request"}
