"""Layer 2 under attack: no answer leaves without its headers, nor with one twice or loosened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.layers.headers import Relaxation
from tests.pages import ALLOWED
from tests.raw import ask, assert_problem, open_tls, request

if TYPE_CHECKING:
    import httpx

    from tests.stack import Stack

CSP = "content-security-policy"
POLICY = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    CSP: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-permitted-cross-domain-policies": "none",
    "cache-control": "no-store",
}
"""Written out, not taken from the code: what the code says is what is tested."""
PREFLIGHT = {"Origin": ALLOWED, "Access-Control-Request-Method": "POST"}
JWKS = "/.well-known/jwks.json"


def assert_dressed(answer: httpx.Response, **looser: str) -> None:
    """Assert that each header of the policy stands exactly once, with its value or this one."""
    expected = POLICY | {name.replace("_", "-"): value for name, value in looser.items()}
    worn = {name: answer.headers.get_list(name) for name in POLICY}
    assert worn == {name: [value] for name, value in expected.items()}
    assert len(answer.headers.get_list("x-request-id")) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("HEAD", "/nowhere", 404),
        ("POST", "/healthz", 405),
        ("GET", "/api/v1/accounts/me", 401),
        ("GET", "/api/v1/admin/users", 401),
        ("POST", "/api/v1/accounts/login", 415),
        ("GET", "/healthz?x=1", 422),
        ("GET", "/docs/nothing", 404),
        ("OPTIONS", "/healthz", 405),
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
    assert_dressed(answer)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"User-Agent": "sqlmap/1.8"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Authorization": "Bearer nonsense"}, 200),
    ],
    ids=["bots", "cors", "validation", "a token where none is asked for"],
)
def test_attack_a_refusal_by_any_layer_is_not_naked(
    stack: Stack, headers: dict[str, str], status: int
) -> None:
    """They come from the error boundary, which must stand inside of this layer."""
    answer = stack.client().get("/healthz", headers=headers)
    assert answer.status_code == status
    assert_dressed(answer)


def test_attack_a_client_over_its_limit_is_refused_in_full_dress(stack: Stack) -> None:
    client = stack.client()
    answers = (client.get("/nowhere") for _ in range(120))
    answer = next(answer for answer in answers if answer.status_code == 429)
    assert_dressed(answer)


def test_attack_a_preflight_is_not_naked(stack: Stack) -> None:
    answer = stack.client().options("/api/v1/notes", headers=PREFLIGHT)
    assert answer.status_code == 204
    assert_dressed(answer)


def test_attack_a_request_that_a_page_revalidates_is_dressed_when_nothing_changed(
    stack: Stack,
) -> None:
    client = stack.client()
    first = client.get("/docs")
    unchanged = client.get("/docs", headers={"If-None-Match": first.headers["etag"]})
    assert unchanged.status_code == 304
    page = Relaxation.PAGE.value[1].decode()
    assert_dressed(unchanged, **{CSP: page, "cache_control": "no-cache"})


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


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/%00", "/docs", "/openapi.json", JWKS])
def test_attack_an_answer_tells_no_software_and_no_version(stack: Stack, path: str) -> None:
    answer = stack.client().get(path)
    assert answer.headers.get("server") in {None, "nginx"}
    assert not answer.headers.keys() & {"x-powered-by", "via", "x-generator", "x-aspnet-version"}
    said = f"{answer.headers}".lower()
    for word in ("nginx/", "uvicorn", "gunicorn", "starlette", "fastapi", "python"):
        assert word not in said


def test_attack_an_errors_body_tells_no_software(stack: Stack) -> None:
    for path in ("/nowhere", "/%00", "/healthz?x=1"):
        said = stack.client().get(path).text.lower()
        for word in ("nginx", "uvicorn", "gunicorn", "starlette", "fastapi", "pydantic", "python"):
            assert word not in said


def test_attack_a_personal_answer_is_kept_by_no_cache(stack: Stack) -> None:
    answer = stack.signup().client.get("/api/v1/accounts/me")
    assert answer.headers.get_list("cache-control") == ["no-store"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Frame-Options", "ALLOWALL"),
        ("Content-Security-Policy", "default-src *"),
        ("Cache-Control", "public, max-age=31536000"),
        ("Pragma", "cache"),
        ("X-Request-ID", "f" * 32),
        ("Strict-Transport-Security", "max-age=0"),
    ],
)
def test_attack_a_request_header_does_not_choose_the_answers_headers(
    stack: Stack, name: str, value: str
) -> None:
    answer = stack.client().get("/healthz", headers={name: value})
    assert_dressed(answer)
    assert value not in answer.headers.values()


def test_attack_an_error_of_a_public_route_is_kept_by_no_cache(stack: Stack) -> None:
    """It could be planted in one, and the keys would be gone for everybody behind it."""
    answer = stack.client().get(f"{JWKS}?x=1")
    assert answer.status_code == 422
    assert_dressed(answer)


def test_attack_an_error_below_the_docs_gets_no_page_to_run(stack: Stack) -> None:
    answer = stack.client().get("/docs/settings.py")
    assert answer.status_code == 404
    assert_dressed(answer)


def test_twin_a_public_answer_has_the_caching_its_route_asked_for(stack: Stack) -> None:
    answer = stack.client().get(JWKS)
    assert answer.status_code == 200
    assert_dressed(answer, cache_control="public, max-age=300")


def test_twin_the_docs_may_run_files_of_ours(stack: Stack) -> None:
    answer = stack.client().get("/docs")
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers[CSP]
    assert "unsafe" not in answer.headers[CSP]


def test_twin_the_body_and_its_type_arrive_unchanged(stack: Stack) -> None:
    answer = stack.client().get("/healthz")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": "ok"}


def test_twin_a_limit_is_told_beside_the_policy(stack: Stack) -> None:
    answer = stack.client().get("/api/v1/accounts/me")
    assert "ratelimit" in answer.headers
    assert_dressed(answer)
