"""Attacks on layer 1 over plain HTTP: secrets in the clear, and redirects to somewhere else.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lone_edge import lone_edge
from tests.raw import ask, assert_problem, open_plain, open_tls, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.raw import Answer
    from tests.stack import Stack

CREDENTIALS = [
    "Authorization: Bearer s3cret",
    "Proxy-Authorization: Basic s3cret",
    "Cookie: session=s3cret",
]
TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
"""RFC 8555's own example."""

CHALLENGE = f"/.well-known/acme-challenge/{TOKEN}"


def plainly(stack: Stack, sent: bytes) -> Answer:
    """Return the answer of port 80."""
    return ask(open_plain(stack.http_port), sent)


# Secrets in the clear


@pytest.mark.parametrize("target", ["/", "/docs", "/api/v1/notes", CHALLENGE])
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
def test_attack_a_secret_over_plain_http_on_the_tls_port(stack: Stack, header: str) -> None:
    answer = ask(open_plain(stack.https_port), request("/", header))
    assert_problem(answer, 400, "malformed", is_plain=True)
    number = answer.headers["x-request-id"]
    assert stack.log_lines("credentials_exposed", source="access", request_id=number)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_attack_a_program_that_was_told_the_wrong_address(stack: Stack, method: str) -> None:
    answer = plainly(stack, request("/", method=method))
    assert_problem(answer, 403, "https-required", is_plain=True)
    number = answer.headers["x-request-id"]
    assert stack.log_lines("edge_request", source="access", request_id=number)


def test_attack_a_trace_over_plain_http(stack: Stack) -> None:
    """nginx refuses TRACE by itself, before it looks for a location."""
    answer = plainly(stack, request("/", CREDENTIALS[2], method="TRACE"))
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
    ],
)
def test_attack_an_api_call_over_plain_http(stack: Stack, target: str) -> None:
    assert_problem(plainly(stack, request(target)), 403, "https-required", is_plain=True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_twin_a_visitor_over_plain_http_is_sent_to_https(stack: Stack, method: str) -> None:
    answer = plainly(stack, request("/docs?x=1", method=method))
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


# Challenges of a certificate authority


@pytest.fixture(scope="module")
def challenged(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """nginx, and a folder for challenges that holds more than it should show."""
    # Only root can enter the folder of root's tests.
    user = "root" if os.geteuid() == 0 else ""
    with lone_edge(stack, tmp_path_factory.mktemp("acme"), user=user) as edge:
        run = edge.stack.service.run
        folder = run / "acme" / ".well-known" / "acme-challenge"
        folder.mkdir(parents=True)
        (folder / TOKEN).write_text(f"{TOKEN}.thumbprint")
        (folder / ".hidden").write_text("s3cret")
        (folder / "file.txt").write_text("s3cret")
        (folder / "link").symlink_to(run / "nginx.conf")
        (folder / "folder").mkdir()
        (run / "acme" / "outside").write_text("s3cret")
        yield edge.stack


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/.well-known/acme-challenge/", 404),
        ("/.well-known/acme-challenge/nobody-asked", 404),
        ("/.well-known/acme-challenge/.hidden", 404),
        ("/.well-known/acme-challenge/file.txt", 404),
        ("/.well-known/acme-challenge/folder", 404),
        ("/.well-known/acme-challenge/folder/", 404),
        (f"/.well-known/acme-challenge/{'a' * 200}", 404),
        (f"{CHALLENGE}/", 404),
        (f"{CHALLENGE}%20", 404),
        (f"{CHALLENGE}%00", 400),
        ("/.well-known/acme-challenge/../../../tls/key.pem", 400),
        # What is no challenge once it is spelt out is sent to HTTPS like anything else.
        ("/.well-known/acme-challenge/..%2f..%2foutside", 308),
        ("/.well-known/acme-challenge/../../outside", 308),
        ("/.well-known/acme-challenge", 308),
        ("/outside", 308),
    ],
)
def test_attack_a_challenge_that_is_none(challenged: Stack, target: str, status: int) -> None:
    answer = plainly(challenged, request(target))
    assert answer.status == status
    assert b"s3cret" not in answer.body


def test_attack_a_link_out_of_the_folder_of_challenges(challenged: Stack) -> None:
    answer = plainly(challenged, request("/.well-known/acme-challenge/link"))
    assert answer.status in {403, 404}
    assert b"worker_processes" not in answer.body


def test_attack_a_challenge_over_https(challenged: Stack) -> None:
    """It is the application's to answer there, and it has no such thing."""
    answer = ask(open_tls(challenged), request(CHALLENGE))
    assert b"thumbprint" not in answer.body


def test_twin_a_challenge_is_answered(challenged: Stack) -> None:
    answer = plainly(challenged, request(CHALLENGE))
    assert (answer.status, answer.body) == (200, f"{TOKEN}.thumbprint".encode())
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-content-type-options"] == "nosniff"
