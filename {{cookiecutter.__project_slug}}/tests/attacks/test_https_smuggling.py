"""Attacks on layer 1 by requests that hide another one (RFC 9112 §11.2).

What nginx refuses is seen by its answer. What it takes though it is odd is looked at where it
arrives: a request can only be read in two ways if it arrives in a way that can be.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, open_tls, read_until_closed, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lone_edge import LoneEdge
    from tests.stack import Stack

HIDDEN = b"GET /api/v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def smuggled(*headers: str, body: bytes, hidden: bytes = HIDDEN) -> bytes:
    """Return a POST whose body hides a second request."""
    lines = ("Content-Type: application/json", *headers)
    return request("/api/v1/accounts/login", *lines, method="POST", body=body + hidden)


def chunked(body: bytes, coding: str = "Transfer-Encoding: chunked") -> bytes:
    """Return a POST whose body is sent in these chunks."""
    return smuggled(coding, body=body)


TWO_LENGTHS = {
    "CL.TE": smuggled("Content-Length: 6", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "TE.CL": smuggled("Transfer-Encoding: chunked", "Content-Length: 4", body=b"5c\r\n"),
    "TE and a length of nothing": smuggled(
        "Transfer-Encoding: chunked", "Content-Length: 0", body=b"0\r\n\r\n"
    ),
    "two lengths": smuggled("Content-Length: 2", "Content-Length: 90", body=b"{}"),
    "the same length twice": smuggled("Content-Length: 2", "Content-Length: 2", body=b"{}"),
    "a coding twice": chunked(b"0\r\n\r\n", "Transfer-Encoding: chunked\r\n" * 2 + "X: y"),
    "two codings": chunked(b"0\r\n\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
    "chunks in HTTP/1.0": chunked(b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "a length behind a folded coding": smuggled(
        "X: y\r\n Transfer-Encoding: chunked", "Content-Length : 2", body=b"{}"
    ),
    **{
        f"the length {value!a}": smuggled(f"Content-Length: {value}", body=b"{}")
        for value in ("2, 90", "2,2", "+2", "-0", "0x2", "2 2", "2;", "", "1e1", "2.0", "9" * 25)
    },
    **{
        f"the coding {value!a}": chunked(b"0\r\n\r\n", f"Transfer-Encoding: {value}")
        for value in (
            *("xchunked", "chunk", "chunked, identity", "gzip, chunked", "identity", '"chunked"'),
            *("chunked;x=y", "chunked,", "\x0bchunked", "\x0cchunked", "chunked\x0b", "\tchunked"),
        )
    },
    **{
        f"a coding called {name!a}": smuggled(f"{name}: chunked", "Content-Length: 2", body=b"{}")
        for name in ("Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "\0X")
    },
    **{
        f"the chunk {body[:20]!a}": chunked(body)
        for body in (
            *(b"-1\r\n\r\n", b"+2\r\n{}\r\n0\r\n\r\n", b"0x2\r\n{}\r\n0\r\n\r\n", b"2_0\r\n{}"),
            *(b"2;\x00x\nzz\r\n{}\r\n", b"2\r\n{}0\r\n\r\n", b"2\r\n{}XX0\r\n\r\n", b"\r\n{}"),
            *(b"2\r{}\r0\r\r", b"ffffffffffffffff\r\n{}", b"10000000000000002\r\n{}\r\n"),
        )
    },
}


@pytest.mark.parametrize("attack", TWO_LENGTHS.values(), ids=TWO_LENGTHS.keys())
def test_attack_a_request_hidden_in_another(stack: Stack, attack: bytes) -> None:
    answer = ask(open_tls(stack), attack)
    assert answer.status in {400, 501}, answer
    assert b"HTTP/1.1" not in answer.body
    # The next request's line is there, so the hidden one's would be.
    number = stack.client().get("/healthz").headers["x-request-id"]
    stack.log_lines("edge_request", source="access", request_id=number)
    assert b"smuggled" not in stack.log_path("access").read_bytes()


TAKEN = {
    "line ends without CR": lambda head: head.replace(b"\r\n", b"\n"),
    "a value broken by LF": lambda head: head.replace(b"a: b", b"a: b\nnothing"),
    "a header without a colon": lambda head: head.replace(b"a: b", b"nothing"),
    "a coding with an underscore": lambda head: head.replace(
        b"a: b", b"Transfer_Encoding: chunked"
    ),
    "empty lines before it": lambda head: b"\r\n" * 20 + head,
    "two spaces in its first line": lambda head: head.replace(b" /", b"  /"),
    "a minor version from nowhere": lambda head: head.replace(b"HTTP/1.1", b"HTTP/1.9"),
    "another scheme": lambda head: head.replace(b" /", b" ftp://localhost/"),
    "a host that counts for nothing": lambda head: head.replace(
        b" /", b" https://localhost/"
    ).replace(b"Host: localhost", b"Host: evil.example"),
    "a length with a zero before it": lambda head: head.replace(b"Length: ", b"Length: 0"),
    "spaces around its length": lambda head: head.replace(b"Length: ", b"Length:    "),
    "an expectation": lambda head: head.replace(b"a: b", b"Expect: 200-maybe"),
    "a connection that takes our word away": lambda head: head.replace(
        b"Connection: close", b"Connection: close, X-Forwarded-For, X-Forwarded-Proto, Host"
    ),
    "a trailer announced": lambda head: head.replace(b"a: b", b"Trailer: Content-Length"),
}


@pytest.mark.parametrize("oddity", TAKEN.values(), ids=TAKEN.keys())
def test_attack_an_oddity_that_passes_arrives_as_one_plain_request(
    edge: LoneEdge, oddity: object
) -> None:
    """nginx writes every request anew, so what it understood is what there is to understand."""
    assert callable(oddity)
    mark = secrets.token_hex(8)
    honest = request(f"/{mark}", "a: b", f"Content-Length: {len(HIDDEN)}", method="POST")
    received = exchange(edge, oddity(honest) + HIDDEN)
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.startswith(b"HTTP/1.1 200 ")
    assert_arrived_plain(edge, mark, HIDDEN)


CODED = {
    "an extension": b"32;a=b\r\n",
    "an extension that never ends its string": b'32;a="\r\n',
    "a line end without CR": b"32\n",
    "a space behind the size": b"32 \r\n",
    "zeros before the size": b"0000000000000000000000032\r\n",
}


@pytest.mark.parametrize("size", CODED.values(), ids=CODED.keys())
@pytest.mark.parametrize("trailer", [b"", b"Content-Length: 5\r\nX-Forwarded-For: 203.0.113.9\r\n"])
def test_attack_chunks_that_pass_arrive_as_one_plain_request(
    edge: LoneEdge, size: bytes, trailer: bytes
) -> None:
    mark = secrets.token_hex(8)
    assert len(HIDDEN) == 0x32
    body = size + HIDDEN + b"\r\n0\r\n" + trailer + b"\r\n"
    head = request(f"/{mark}", "Transfer-Encoding: CHUNKED", method="POST")
    received = exchange(edge, head + body)
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.startswith(b"HTTP/1.1 200 ")
    assert_arrived_plain(edge, mark, HIDDEN)


def exchange(edge: LoneEdge, sent: bytes) -> bytes:
    """Send a request and return all that comes until nginx closes."""
    with open_tls(edge.stack) as connection:
        connection.sendall(sent)
        return read_until_closed(connection)


def assert_arrived_plain(edge: LoneEdge, mark: str, body: bytes) -> None:
    """Assert that one request arrived, for our name, from the true address, with this body."""
    arrival = edge.the_arrival(mark)
    arrival.assert_plain()
    assert arrival.first_line == f"POST /{mark} HTTP/1.1"
    assert arrival.body == body
    assert arrival.values("host") == [f"localhost:{edge.stack.https_port}"]
    assert arrival.values("x-forwarded-proto") == ["https"]
    (source,) = arrival.values("x-forwarded-for")
    assert source.startswith("127.")
    assert edge.arrived("GET /api/v1/smuggled HTTP/1.1\r\nHost: localhost:") == []


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


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_attack_a_body_where_none_is_expected(stack: Stack, method: str) -> None:
    """CL.0: an endpoint that reads no body must not leave it to be read as the next request."""
    first = request("/healthz", f"Content-Length: {len(HIDDEN)}", method=method, body=HIDDEN)
    with open_tls(stack) as connection:
        connection.sendall(first.replace(b"Connection: close\r\n", b"") + request("/nowhere"))
        received = read_until_closed(connection)
    assert received.count(b"HTTP/1.1 ") == 2
    assert received.count(b"HTTP/1.1 404 ") == 1
    number = stack.client().get("/healthz").headers["x-request-id"]
    stack.log_lines("request", request_id=number)
    assert b"smuggled" not in stack.log_path("app").read_bytes()


def test_twin_several_requests_on_one_connection(stack: Stack) -> None:
    kept = request("/healthz").replace(b"Connection: close\r\n", b"")
    with open_tls(stack) as connection:
        connection.sendall(kept * 3 + request("/nowhere"))
        received = read_until_closed(connection)
    assert received.count(b"HTTP/1.1 200 ") == 3
    assert received.count(b"HTTP/1.1 404 ") == 1


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Authorization"])
def test_attack_a_header_that_may_stand_once_stands_twice(stack: Stack, name: str) -> None:
    twice = request("/healthz", f"{name}: 0", f"{name}: 0")
    assert_problem(ask(open_tls(stack), twice), 400, "malformed")


def test_attack_a_content_type_that_stands_twice(stack: Stack) -> None:
    """A page may send text/plain without asking first; it must not be read as JSON."""
    types = ("Content-Type: application/json", "Content-Type: text/plain", "Content-Length: 2")
    answer = ask(open_tls(stack), request("/api/v1/accounts/login", *types, method="POST") + b"{}")
    assert_problem(answer, 415, "unsupported-media-type")


def test_twin_a_header_that_may_stand_twice(stack: Stack) -> None:
    assert ask(open_tls(stack), request("/healthz", "Accept: a/b", "Accept: c/d")).status == 200
