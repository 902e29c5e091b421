"""Attacks on layer 1 by HTTP/2: requests that are one thing to nginx and another behind it.

nginx turns HTTP/2 into HTTP/1.1, so a header that may hold anything becomes a line that may not
(RFC 9113 §8.2 and §10.3). What reaches the application is therefore looked at byte for byte.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.raw import assert_problem
from tests.raw_http2 import PROTOCOL_ERROR, Header, Http2, get, post

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge
    from tests.stack import Stack

HIDDEN = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"


def without(name: str) -> list[Header]:
    """Return an honest GET that lacks one of its headers."""
    return [header for header in get() if header[0] != name]


def changed(name: str, value: str) -> list[Header]:
    """Return an honest GET with another value of one of its headers."""
    return [(known, value if known == name else old) for known, old in get()]


def doubled(name: str) -> list[Header]:
    """Return an honest GET that says one of its headers twice."""
    return [one for one in get() for _ in range(1 + (one[0] == name))]


MALFORMED = {
    **{f"no {name}": without(name) for name in (":method", ":scheme", ":path", ":authority")},
    **{f"two {name}": doubled(name) for name in (":method", ":scheme", ":path", ":authority")},
    "a pseudo-header behind the others": [*get(), (":path", "/readyz")],
    "an unknown pseudo-header": [(":protocol", "websocket"), *get()],
    "a pseudo-header of answers": [(":status", "200"), *get()],
    "another host beside the authority": get("/healthz", ("host", "evil.example")),
    "two hosts": [*without(":authority"), ("host", "localhost"), ("host", "evil.example")],
    **{
        f"the path {path!a}": changed(":path", path)
        for path in ("healthz", "https://evil.example/", "*", "", "?x", "/a b", "/../x", "/%zz")
    },
    **{f"the method {verb!a}": changed(":method", verb) for verb in ("", "get", "GET /hidden")},
    **{
        f"the scheme {scheme!a}": changed(":scheme", scheme)
        for scheme in ("", "https evil", "https://evil.example/?")
    },
    "an authority with a path": changed(":authority", "localhost/evil"),
}

INJECTIONS = {
    **{
        f"in a value, {bad!a}": get("/healthz", ("x-a", f"a{bad}host: evil.example"))
        for bad in ("\r\n", "\n", "\r", "\0")
    },
    **{
        f"in a name, {bad!a}": get("/healthz", (f"x{bad}host", "evil.example"))
        for bad in ("\r\n", "\0", " ", ":")
    },
    "a name in capitals": get("/healthz", ("X-Forwarded-For", "203.0.113.9")),
    "in the path": changed(":path", f"/healthz HTTP/1.1\r\nX: y\r\n\r\n{HIDDEN}"),
    "in the method": changed(":method", f"{HIDDEN}GET"),
    "in the authority": changed(":authority", "localhost\r\nX-Forwarded-For: 203.0.113.9"),
}


@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED.keys())
def test_attack_a_header_list_that_is_no_request(edge: LoneEdge, headers: list[Header]) -> None:
    mark = secrets.token_hex(8)
    with Http2(edge.stack) as connection:
        answer = connection.ask([*headers, ("x-mark", mark)]).answer
        assert_problem(answer, 400, "malformed")
        assert connection.ask(get(), stream=3).status == 200
    assert edge.arrived(mark) == []


@pytest.mark.parametrize("headers", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_attack_a_line_break_where_a_line_will_be(edge: LoneEdge, headers: list[Header]) -> None:
    mark = secrets.token_hex(8)
    with Http2(edge.stack) as connection:
        stream = connection.ask([*headers, ("x-mark", mark)])
        # nginx 1.22 gives the stream up, 1.26 answers.
        assert stream.reset == PROTOCOL_ERROR or stream.status == 400
        assert connection.ask(get(), stream=3).status == 200
    assert edge.arrived(mark) == []
    assert edge.arrived("hidden") == []


def test_twin_headers_of_every_honest_kind(edge: LoneEdge) -> None:
    mark = secrets.token_hex(8)
    crumbs = [("cookie", f"crumb{number}=1") for number in range(20)]
    with Http2(edge.stack) as connection:
        stream = connection.ask(get("/honest?a=b%20c", ("x-mark", mark), *crumbs))
        assert stream.status == 200
    arrival = edge.the_arrival(mark)
    arrival.assert_plain()
    assert arrival.first_line == "GET /honest?a=b%20c HTTP/1.1"
    assert arrival.values("cookie") == ["; ".join(f"{name}" for _, name in crumbs)]


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "user@localhost", "localhost,evil.example"]
)
def test_attack_an_authority_that_is_not_ours(stack: Stack, name: str) -> None:
    with Http2(stack) as connection:
        assert_problem(connection.ask(get(authority=name)).answer, 421, "wrong-host")


@pytest.mark.parametrize("name", ["localhost:{port}", "LOCALHOST"])
def test_twin_our_authority_with_its_port_or_in_capitals(stack: Stack, name: str) -> None:
    with Http2(stack) as connection:
        assert connection.ask(get(authority=name.format(port=stack.https_port))).status == 200


def test_twin_a_host_in_the_place_of_the_authority(stack: Stack) -> None:
    with Http2(stack) as connection:
        assert connection.ask([*without(":authority"), ("host", "localhost")]).status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PRI", "DEBUG"])
def test_attack_a_method_that_has_no_use_here_by_http2(stack: Stack, method: str) -> None:
    with Http2(stack) as connection:
        answer = connection.ask(changed(":method", method)).answer
    assert_problem(answer, 405, "method-not-allowed")


@pytest.mark.parametrize("length", ["50", "1", "0", "-2", "+2", "2, 2", "0x2", "9" * 30])
def test_attack_a_length_that_disagrees_with_the_data(edge: LoneEdge, length: str) -> None:
    mark = secrets.token_hex(8)
    headers = post("/api/v1/accounts/login", ("content-length", length), ("x-mark", mark))
    with Http2(edge.stack) as connection:
        answer = connection.ask(headers, body=b"{}").answer
    assert_problem(answer, 400, "malformed")
    assert edge.arrived(mark) == []


def test_attack_two_lengths(edge: LoneEdge) -> None:
    lengths = [("content-length", "2"), ("content-length", "2")]
    with Http2(edge.stack) as connection:
        answer = connection.ask(post("/api/v1/accounts/login", *lengths), body=b"{}").answer
    assert_problem(answer, 400, "malformed")


@pytest.mark.parametrize("length", [None, "2"])
def test_twin_a_length_that_agrees_or_none(edge: LoneEdge, length: str | None) -> None:
    mark = secrets.token_hex(8)
    lengths = [("content-length", length)] if length else []
    with Http2(edge.stack) as connection:
        assert connection.ask(post("/any", *lengths, ("x-mark", mark)), body=b"{}").status == 200
    assert edge.the_arrival(mark).values("content-length") == ["2"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "gzip, chunked"),
        ("connection", "close, x-forwarded-for"),
        ("keep-alive", "timeout=600"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "h2c"),
        ("te", "gzip, trailers"),
    ],
    ids=str,
)
def test_attack_a_header_of_connections_does_not_pass(
    edge: LoneEdge, name: str, value: str
) -> None:
    """RFC 9113 §8.2.2 has it refused; nginx ignores it, and so must all that is behind nginx."""
    mark = secrets.token_hex(8)
    body = f"0\r\n\r\n{HIDDEN}".encode()
    with Http2(edge.stack) as connection:
        headers = post("/any", (name, value), ("x-mark", mark))
        status = connection.ask(headers, body=body).status
    if status in {400, 501}:  # refused: as well, and other versions of nginx may
        assert edge.arrived(mark) == []
        return
    assert status == 200
    arrival = edge.the_arrival(mark)
    arrival.assert_plain()
    assert arrival.body == body
    assert arrival.values(name) == []
    assert len(arrival.values("x-forwarded-for")) == 1
