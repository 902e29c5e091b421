"""Layer 2 under attack: no answer leaves without its headers, or with one twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, open_tls, request

if TYPE_CHECKING:
    from tests.stack import Stack

POLICY = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/healthz", 405),
        ("GET", "/api/v1/accounts/me", 401),
        ("POST", "/api/v1/accounts/login", 415),
        ("GET", "/%00", 400),
        ("TRACE", "/", 405),
        ("GET", f"/{'a' * 9_000}", 414),
    ],
)
def test_attack_no_answer_is_naked_whoever_makes_it(
    stack: Stack, method: str, path: str, status: int
) -> None:
    """The last three are nginx's own answers; they wear the same as the application's."""
    answer = stack.client().request(method, path)
    assert answer.status_code == status
    for name, value in POLICY.items():
        assert answer.headers.get_list(name) == [value], name


def test_attack_a_refusal_by_a_layer_further_in_is_not_naked(stack: Stack) -> None:
    """It comes from the error boundary, which must stand inside of this layer."""
    answer = stack.client(headers={"User-Agent": "sqlmap/1.8"}).get("/healthz")
    assert answer.status_code == 403
    for name, value in POLICY.items():
        assert answer.headers.get_list(name) == [value], name


@pytest.mark.parametrize(
    ("target", "header"),
    [
        ("/\xff", "X: a"),
        ("/healthz?\xff", "X: a"),
        ("/healthz", "X: \x1b[31m"),
        ("/healthz", "X: \x01"),
        ("/healthz", "X: \x7f"),
    ],
    ids=["path", "query", "escape", "control", "delete"],
)
def test_attack_what_no_parser_takes_is_answered_in_full_dress(
    stack: Stack, target: str, header: str
) -> None:
    """It passes nginx and ends in uvicorn, whose own answer would be plain text."""
    assert_problem(ask(open_tls(stack), request(target, header)), 400, "malformed")


def test_attack_an_answer_tells_no_software_and_no_version(stack: Stack) -> None:
    for path in ("/healthz", "/nowhere", "/%00"):
        answer = stack.client().get(path)
        assert "x-powered-by" not in answer.headers
        said = f"{answer.headers} {answer.text}".lower()
        for word in ("nginx/", "uvicorn", "gunicorn", "starlette", "fastapi", "python"):
            assert word not in said


def test_attack_a_personal_answer_is_kept_by_no_cache(stack: Stack) -> None:
    answer = stack.signup().client.get("/api/v1/accounts/me")
    assert answer.headers.get_list("cache-control") == ["no-store"]


def test_attack_a_request_header_does_not_choose_the_answers_headers(stack: Stack) -> None:
    sent = {"X-Frame-Options": "ALLOWALL", "Content-Security-Policy": "default-src *"}
    answer = stack.client().get("/healthz", headers=sent)
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["content-security-policy"] == POLICY["content-security-policy"]


def test_twin_a_public_answer_keeps_the_caching_its_route_chose(stack: Stack) -> None:
    answer = stack.client().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers.get_list("cache-control") == ["public, max-age=300"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_twin_the_body_and_its_type_arrive_unchanged(stack: Stack) -> None:
    answer = stack.client().get("/healthz")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": "ok"}
