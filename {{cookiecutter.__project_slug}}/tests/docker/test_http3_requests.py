"""Attacks on layer 1 with requests over HTTP/3: forged, not quite HTTP, hidden, too large.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.raw import assert_problem
from tests.raw_http2 import Header, get, post
from tests.raw_http3 import EXCESSIVE_LOAD, Http3
from tests.stack import Stack, fresh_source

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge

FORGED = "203.0.113.9"
# Their values are an answer's own.
CHANGING = {"date", "x-request-id", "ratelimit", "ratelimit-remaining", "ratelimit-reset"}


def lasting(headers: list[Header]) -> list[Header]:
    return sorted((name, value) for name, value in headers if name not in CHANGING)


# The same service


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/v1/accounts/me", "/%00"])
def test_twin_an_answer_is_the_same_as_over_http2(stack: Stack, path: str) -> None:
    other = stack.client(http2=True).get(path)
    with Http3(stack) as connection:
        answer = connection.ask(get(path))
    assert answer.status == other.status_code
    headers = [one for one in answer.headers if one[0] != ":status"]
    assert lasting(headers) == lasting(list(other.headers.multi_items()))
    assert set(answer.answer.headers) - {":status"} == set(other.headers)


def test_twin_a_body_arrives_whole(edge: LoneEdge) -> None:
    body = b"x" * 3_000_000
    with Http3(edge.stack) as connection:
        assert connection.ask(post("/whole"), body).status == 200
    assert edge.the_arrival(" /whole ").body == body


# The proxy's word


@pytest.mark.parametrize(
    "name",
    ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x_forwarded_for"],
)
def test_attack_a_forged_client_address(stack: Stack, name: str) -> None:
    source = fresh_source()
    with Http3(stack, source=source) as connection:
        answer = connection.ask(get("/healthz", (name, FORGED)))
    assert answer.status == 200
    number = answer.answer.headers["x-request-id"]
    (line, *_) = stack.log_lines("request", request_id=number)
    assert line["source.ip"] == source


def test_twin_an_honest_client_is_logged_as_who_it_is(stack: Stack) -> None:
    source = fresh_source()
    with Http3(stack, source=source) as connection:
        number = connection.ask(get()).answer.headers["x-request-id"]
    (line, *_) = stack.log_lines("edge_request", source="access", request_id=number)
    assert (line["source.ip"], line["http.version"]) == (source, "HTTP/3.0")
    assert stack.log_lines("request", request_id=number)


# Names


@pytest.mark.parametrize("authority", ["evil.example", "localhost.evil.example", "127.0.0.1"])
def test_attack_an_evil_authority(stack: Stack, authority: str) -> None:
    with Http3(stack) as connection:
        assert_problem(connection.ask(get(authority=authority)).answer, 421, "wrong-host")


def without(name: str, headers: list[Header]) -> list[Header]:
    return [header for header in headers if header[0] != name]


def test_twin_our_own_authority_with_its_port(stack: Stack) -> None:
    with Http3(stack) as connection:
        answer = connection.ask(get(authority=f"localhost:{stack.https_port}"))
    assert answer.status == 200


# Not quite HTTP


@pytest.mark.parametrize(
    "headers",
    [
        get("/hidden", ("host", "evil.example")),
        without(":authority", get("/hidden")),
        without(":path", get("/hidden")),
        [*get("/hidden"), (":path", "/other")],
        [(":method", "GET"), *get("/hidden")],
        [(":hidden", "x"), *get("/hidden")],
        get("/hidden\r\nX: y"),
        get("/hidden HTTP/1.1"),
        get("https://evil.example/hidden"),
        get("/hidden", ("x", "a\r\ny: z")),
        get("/hidden", ("x", "a\nb")),
        get("/hidden", ("x", "a\0b")),
        get("/hidden", ("x\r\ny", "z")),
        get("/hidden", ("x:y", "z")),
        get("/hidden", ("x y", "z")),
        get("/hidden", ("X-Forwarded-For", FORGED)),
        [(":method", "GE T"), *get("/hidden")[1:]],
        [(":method", "CONNECT"), (":authority", "hidden.example:443")],
    ],
    ids=[
        "authority and host differ",
        "no authority",
        "no path",
        "two paths",
        "two methods",
        "unknown pseudo-header",
        "line break in the path",
        "space in the path",
        "absolute path",
        "line break in a value",
        "half a line break in a value",
        "NUL in a value",
        "line break in a name",
        "colon in a name",
        "space in a name",
        "capitals in a name",
        "space in the method",
        "tunnel",
    ],
)
def test_attack_a_request_that_http1_would_read_differently(
    edge: LoneEdge, headers: list[Header]
) -> None:
    with Http3(edge.stack) as connection:
        assert_problem(connection.ask(headers).answer, 400, "malformed")
    assert not edge.arrived("hidden")


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ([("content-length", "90")], b"{}"),
        ([("content-length", "2"), ("content-length", "3")], b"{}"),
        ([("content-length", "+2")], b"{}"),
    ],
    ids=["too long", "twice", "with a sign"],
)
def test_attack_a_length_that_lies(edge: LoneEdge, more: list[Header], body: bytes) -> None:
    with Http3(edge.stack) as connection:
        assert_problem(connection.ask(post("/lie", *more), body).answer, 400, "malformed")
    assert not edge.arrived(" /lie ")


def test_attack_a_second_request_behind_a_length_that_is_too_short(edge: LoneEdge) -> None:
    hidden = b"{}GET /behind HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Http3(edge.stack) as connection:
        answer = connection.ask(post("/short", ("content-length", "2")), hidden)
    assert_problem(answer.answer, 413, "too-large")
    assert not edge.arrived("/short")


@pytest.mark.parametrize(
    "header",
    [
        ("transfer-encoding", "chunked"),
        ("connection", "x-real-ip"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
    ],
    ids=lambda header: header[0],
)
def test_attack_a_header_of_another_version_goes_no_further(edge: LoneEdge, header: Header) -> None:
    """RFC 9114 §4.2 calls them malformed; nginx may refuse the request or leave them out."""
    mark = f"/{header[0]}/{header[1]}"
    with Http3(edge.stack) as connection:
        answer = connection.ask(post(mark, header), b"{}")
    assert answer.status in {200, 400}
    arrived = edge.arrived(f" {mark} ")
    assert len(arrived) == (answer.status == 200)
    for one in arrived:
        one.assert_plain()
        assert one.values(header[0]) == []
        assert one.values("x-real-ip") != []


def test_twin_an_honest_request_reaches_the_application_plain(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        answer = connection.ask(post("/plain", ("content-length", "2")), b"{}")
    assert answer.status == 200
    edge.the_arrival(" /plain ").assert_plain()


# Methods and sizes


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "PROPFIND", "DEBUG"])
def test_attack_a_method_that_has_no_use_here(stack: Stack, method: str) -> None:
    with Http3(stack) as connection:
        answer = connection.ask([(":method", method), *get()[1:]])
    assert_problem(answer.answer, 405, "method-not-allowed")


@pytest.mark.parametrize(
    "headers",
    [get(f"/{'a' * 17_000}"), get("/large", ("a", "a" * 17_000))],
    ids=["address", "one header"],
)
def test_attack_a_header_list_that_is_too_large_ends_the_stream(
    edge: LoneEdge, headers: list[Header]
) -> None:
    """Before it is whole, so without an answer (RFC 9114 §8.1: H3_EXCESSIVE_LOAD)."""
    with Http3(edge.stack) as connection:
        assert connection.ask(headers).reset == EXCESSIVE_LOAD
        assert connection.ask(get("/after-large")).status == 200  # the rest goes on
    assert not edge.arrived(" /large ")


def test_attack_many_headers_that_are_too_large_together(edge: LoneEdge) -> None:
    many = [(f"a{number}", "a" * 900) for number in range(30)]
    with Http3(edge.stack) as connection:
        assert_problem(connection.ask(get("/many", *many)).answer, 400, "malformed")
    assert not edge.arrived(" /many ")


def test_twin_a_large_header_that_is_just_allowed(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        assert connection.ask(get("/allowed", ("a", "a" * 7_000))).status == 200


@pytest.mark.parametrize("more", [[], [("content-length", "7000000")]], ids=["none", "said"])
def test_attack_a_body_that_is_too_large(edge: LoneEdge, more: list[Header]) -> None:
    with Http3(edge.stack) as connection:
        answer = connection.ask(post("/heavy", *more), b"x" * 7_000_000)
    assert_problem(answer.answer, 413, "too-large")
    assert not edge.arrived(" /heavy ")
