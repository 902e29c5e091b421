"""Layer 3 under attack: a foreign page gets nothing read and nothing done."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stack import Stack

ALLOWED = "https://app.example.test"
"""What the stack's settings allow."""

PASSWORD = "Correct-horse-7"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://app.example.test.evil.example",
        "https://evilapp.example.test",
        "https://appXexample.test",
        "http://app.example.test",
        "https://app.example.test:8443",
        "https://APP.example.test",
        "https://app.example.test/",
    ],
)
def test_attack_a_foreign_page_is_refused_before_the_handler(stack: Stack, origin: str) -> None:
    given = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    client = stack.client()
    refused = client.post("/api/v1/accounts/signup", json=given, headers={"Origin": origin})
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:problem:origin-refused"
    assert "access-control-allow-origin" not in refused.headers
    # The handler did not run: the address is still free.
    assert client.post("/api/v1/accounts/signup", json=given).status_code == 201


def test_attack_a_refused_origin_leaves_a_log_event(stack: Stack) -> None:
    answer = stack.client().get("/healthz", headers={"Origin": "https://evil.example"})
    lines = stack.log_lines(event="origin_refused", request_id=answer.headers["x-request-id"])
    assert lines


def test_attack_two_origins_are_refused_though_one_is_allowed(stack: Stack) -> None:
    headers = [("Origin", ALLOWED), ("Origin", "https://evil.example")]
    answer = stack.client().get("/healthz", headers=headers)
    assert answer.status_code in {400, 403}
    assert "access-control-allow-origin" not in answer.headers


def test_attack_a_write_caused_by_a_foreign_site_without_an_origin_is_refused(stack: Stack) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = stack.client().post("/api/v1/accounts/logout", headers=headers)
    assert answer.status_code == 403


def test_attack_a_preflight_from_a_foreign_page_grants_nothing(stack: Stack) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    answer = stack.client().options("/api/v1/accounts/me", headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_twin_an_allowed_page_reads_answers_and_errors(stack: Stack) -> None:
    for path, status in (("/healthz", 200), ("/api/v1/accounts/me", 401), ("/nowhere", 404)):
        answer = stack.client().get(path, headers={"Origin": ALLOWED})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ALLOWED
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]


def test_twin_an_allowed_page_may_write_after_its_preflight(stack: Stack) -> None:
    client = stack.client()
    headers = {
        "Origin": ALLOWED,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    granted = client.options("/api/v1/accounts/signup", headers=headers)
    assert granted.status_code == 204
    assert granted.headers["access-control-allow-origin"] == ALLOWED
    assert "POST" in granted.headers["access-control-allow-methods"]
    given = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    headers = {"Origin": ALLOWED, "Sec-Fetch-Site": "cross-site"}
    assert client.post("/api/v1/accounts/signup", json=given, headers=headers).status_code == 201


def test_twin_a_server_without_an_origin_is_served_and_caches_are_told(stack: Stack) -> None:
    answer = stack.client().get("/healthz")
    assert answer.status_code == 200
    assert answer.headers["vary"] == "Origin"
