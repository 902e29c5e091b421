"""Attacks on layer 1 by sheer size. The edge refuses before the application reads a byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, open_tls, request

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge
    from tests.stack import Stack


def test_attack_an_address_that_is_too_long(stack: Stack) -> None:
    assert_problem(ask(open_tls(stack), request("/" + "a" * 9_000)), 414, "uri-too-long")


def test_attack_a_query_that_is_too_long(stack: Stack) -> None:
    assert_problem(ask(open_tls(stack), request("/?" + "a" * 9_000)), 414, "uri-too-long")


def test_twin_an_address_that_is_just_allowed(edge: LoneEdge) -> None:
    target = "/" + "a" * 7_900
    assert ask(open_tls(edge.stack), request(target)).status == 200
    assert edge.the_arrival(target).first_line == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize(
    "headers",
    [
        ["A: " + "a" * 9_000],
        ["Cookie: " + "a" * 9_000],
        ["A" * 9_000 + ": a"],
        [f"A{number}: " + "a" * 900 for number in range(30)],
        [f"A{number}: a" for number in range(3_000)],
    ],
    ids=["one", "a cookie", "a name", "thirty", "three thousand"],
)
def test_attack_headers_that_are_too_large(edge: LoneEdge, headers: list[str]) -> None:
    answer = ask(open_tls(edge.stack), request("/too-large", *headers))
    assert_problem(answer, 400, "malformed")
    assert edge.arrived("/too-large") == []


@pytest.mark.parametrize(
    "headers",
    [["A: " + "a" * 7_000], ["Cookie: " + "a" * 7_000], [f"A{number}: a" for number in range(40)]],
    ids=["one", "a cookie", "forty"],
)
def test_twin_large_headers_that_are_just_allowed(stack: Stack, headers: list[str]) -> None:
    assert ask(open_tls(stack), request("/healthz", *headers)).status == 200


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


def test_attack_a_body_that_is_only_announced(stack: Stack) -> None:
    """The refusal does not wait for what would not be taken anyway."""
    announced = ("Content-Length: 99999999999", "Expect: 100-continue")
    answer = ask(open_tls(stack), request("/any", *announced, method="POST"))
    assert_problem(answer, 413, "too-large")


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_twin_a_body_that_the_edge_takes_is_judged_by_the_application(
    stack: Stack, *, http2: bool
) -> None:
    answer = stack.client(http2=http2).post("/api/v1/accounts/login", content=b"x" * 5_900_000)
    assert answer.headers["content-type"] == "application/problem+json"
    number = answer.headers["x-request-id"]
    (line,) = stack.log_lines("edge_request", source="access", request_id=number)
    assert line["edge.upstream_status"] == str(answer.status_code)
