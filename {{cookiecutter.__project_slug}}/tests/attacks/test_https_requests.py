"""Attacks on layer 1 with requests that are not quite HTTP, too much or too slow.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dev.processes import nginx, prepare
from dev.runner import running
from tests.raw import ask, assert_problem, open_plain, open_tls, parse, read_until_closed, request
from tests.stack import PATIENCE_SECONDS, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Not quite HTTP


def smuggled(*headers: str, body: bytes) -> bytes:
    """Return a POST whose body hides a second request."""
    hidden = b"GET /api/v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    lines = ("Content-Type: application/json", *headers)
    return request("/api/v1/accounts/login", *lines, method="POST", body=body + hidden)


@pytest.mark.parametrize(
    "attack",
    [
        smuggled("Content-Length: 6", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        smuggled("Transfer-Encoding: chunked", "Content-Length: 4", body=b"5c\r\n"),
        smuggled("Content-Length: 2", "Content-Length: 90", body=b"{}"),
        smuggled("Content-Length: 2, 90", body=b"{}"),
        smuggled("Content-Length: +2", body=b"{}"),
        smuggled("Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
        smuggled("Transfer-Encoding: chunked", "Transfer-Encoding: x", body=b"0\r\n\r\n"),
        smuggled("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
        smuggled("Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
        smuggled("Transfer-Encoding: chunked", body=b"2;\x00x\nzz\r\n{}\r\n"),
        smuggled("X: y\r\n Transfer-Encoding: chunked", "Content-Length : 2", body=b"{}"),
        request("/healthz", "X\x00Y: z"),
    ],
    ids=lambda raw: ascii(raw[90:170].decode("latin-1")),
)
def test_attack_a_request_hidden_in_another(stack: Stack, attack: bytes) -> None:
    answer = ask(open_tls(stack), attack)
    assert answer.status in {400, 501}, answer
    assert b"HTTP/1.1" not in answer.body
    # The next request's line is there, so the hidden one's would be.
    number = stack.client().get("/healthz").headers["x-request-id"]
    stack.log_lines("edge_request", source="access", request_id=number)
    assert b"smuggled" not in stack.log_path("access").read_bytes()


def test_twin_a_body_in_honest_chunks(stack: Stack) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"email": "nobody@example.com", '
        yield b'"password": "not-the-one"}'

    answer = stack.client().post(
        "/api/v1/accounts/login",
        content=pieces(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "PROPFIND", "DEBUG"])
def test_attack_a_method_that_has_no_use_here(stack: Stack, method: str) -> None:
    answer = ask(open_tls(stack), request("/healthz", "X-Secret: s3cret", method=method))
    assert_problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]
    assert b"s3cret" not in answer.body


def test_attack_a_tunnel(stack: Stack) -> None:
    answer = ask(open_tls(stack), request("evil.example:443", method="CONNECT"))
    assert answer.status in {400, 405}


def test_twin_the_methods_of_the_service(stack: Stack) -> None:
    client = stack.client()
    assert client.get("/healthz").status_code == 200
    assert client.head("/healthz").status_code in {200, 405}
    assert client.delete("/healthz").json()["status"] == 405


# Too much, too slow


def test_attack_an_address_that_is_too_long(stack: Stack) -> None:
    assert_problem(ask(open_tls(stack), request("/" + "a" * 9_000)), 414, "uri-too-long")


@pytest.mark.parametrize(
    "headers", [["A: " + "a" * 9_000], [f"A{n}: " + "a" * 900 for n in range(30)]]
)
def test_attack_headers_that_are_too_large(stack: Stack, headers: list[str]) -> None:
    assert_problem(ask(open_tls(stack), request("/healthz", *headers)), 400, "malformed")


def test_twin_large_headers_that_are_just_allowed(stack: Stack) -> None:
    assert ask(open_tls(stack), request("/healthz", "A: " + "a" * 7_000)).status == 200


@pytest.mark.parametrize(
    ("http2", "chunked"),
    [(False, False), (False, True), (True, True)],
    ids=["with a length", "in chunks", "HTTP/2"],
)
def test_attack_a_body_that_is_too_large(stack: Stack, *, http2: bool, chunked: bool) -> None:
    body = b"x" * 7_000_000
    pieces = iter([body[:3_500_000], body[3_500_000:]])
    answer = stack.client(http2=http2).post(
        "/api/v1/accounts/login", content=pieces if chunked else body
    )
    assert_problem(answer, 413, "too-large")
    number = answer.headers["x-request-id"]
    (line,) = stack.log_lines("edge_request", source="access", request_id=number)
    assert line["edge.upstream_status"] == ""


def test_twin_a_body_that_the_edge_takes_is_judged_by_the_application(stack: Stack) -> None:
    answer = stack.client().post("/api/v1/accounts/login", content=b"x" * 5_900_000)
    assert answer.headers["content-type"] == "application/problem+json"
    number = answer.headers["x-request-id"]
    (line,) = stack.log_lines("edge_request", source="access", request_id=number)
    assert line["edge.upstream_status"] == str(answer.status_code)


def test_attack_a_header_that_drips(stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with open_tls(stack) as connection:
        connection.settimeout(0.25)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
        closed = False
        while not closed:
            assert time.monotonic() < deadline, "the connection was still open"
            try:
                connection.sendall(b"a")
                closed = connection.recv(1) == b""
            except TimeoutError:
                continue  # nothing to read yet: the next drop
            except OSError:
                closed = True


def test_attack_a_connection_that_says_nothing(stack: Stack) -> None:
    with open_plain(stack.https_port) as connection:
        assert read_until_closed(connection) == b""


def test_twin_a_header_in_two_pieces(stack: Stack) -> None:
    whole = request()
    with open_tls(stack) as connection:
        connection.sendall(whole[:20])
        assert ask(connection, whole[20:]).status == 200


# When the application is gone


@pytest.fixture
def edge_alone(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    """nginx with the stack's certificate, and nobody behind it."""
    service = type(stack.service)(
        run=tmp_path / "run", certificates=stack.service.certificates, settings={}
    )
    prepare(service)
    with running((nginx(service),), service.run) as (process,):
        process.wait_until_ready()
        alone = Stack(service, stack.ca_file)
        yield alone
        alone.close()


def test_attack_probing_while_the_application_is_down(edge_alone: Stack) -> None:
    answer = edge_alone.client().get("/healthz")
    assert_problem(answer, 502, "unavailable")
    assert answer.headers["retry-after"] == "5"


def test_twin_the_application_is_up(stack: Stack) -> None:
    assert stack.client().get("/healthz").status_code == 200


def test_attack_a_flood_from_one_address(edge_alone: Stack) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nUser-Agent: flood\r\n\r\n"
    with open_tls(edge_alone) as connection:
        connection.sendall(one * 600 + request())
        answers = read_until_closed(connection).split(b"HTTP/1.1 ")[1:]
    refused = [answer for answer in answers if answer.startswith(b"429")]
    assert refused
    assert_problem(parse(b"HTTP/1.1 " + refused[0]), 429, "rate-limited")
    assert b"\r\nRetry-After: 1\r\n" in refused[0]


def test_twin_another_address_during_a_flood(edge_alone: Stack) -> None:
    test_attack_a_flood_from_one_address(edge_alone)
    assert edge_alone.client().get("/healthz").status_code == 502
