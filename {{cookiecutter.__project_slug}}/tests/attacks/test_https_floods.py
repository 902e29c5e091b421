"""Attacks on layer 1 by number, and while nobody is there to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.raw import ask, assert_problem, open_plain, open_tls, parse, read_until_closed, request
from tests.stack import fresh_source

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge
    from tests.stack import Stack


def test_attack_probing_while_the_application_is_down(edge_without_app: LoneEdge) -> None:
    answer = edge_without_app.stack.client().get("/healthz")
    assert_problem(answer, 502, "unavailable")
    assert answer.headers["retry-after"] == "5"
    number = answer.headers["x-request-id"]
    (line,) = edge_without_app.stack.log_lines(source="access", request_id=number)
    assert line["edge.upstream_status"] == "502"
    assert line["edge.upstream_connect_seconds"] is None  # so it was not reached
    assert line["edge.upstream_seconds"] >= 0


def test_twin_the_application_is_up(stack: Stack) -> None:
    assert stack.client().get("/healthz").status_code == 200


def test_attack_a_flood_from_one_address(edge: LoneEdge) -> None:
    one = b"GET /flood HTTP/1.1\r\nHost: localhost\r\nUser-Agent: flood\r\n\r\n"
    with open_tls(edge.stack) as connection:
        connection.sendall(one * 600 + request())
        answers = read_until_closed(connection).split(b"HTTP/1.1 ")[1:]
    refused = [answer for answer in answers if answer.startswith(b"429")]
    assert refused
    assert_problem(parse(b"HTTP/1.1 " + refused[0]), 429, "rate-limited")
    assert b"\r\nRetry-After: 1\r\n" in refused[0]
    assert len(edge.arrived("/flood")) == len(answers) - len(refused)


def log_lines_of(edge: LoneEdge, host: str) -> list[dict[str, Any]]:
    """Return nginx's lines for a host; there is at least one."""
    return edge.stack.log_lines(source="access", host=host)


def test_attack_a_flood_for_a_host_that_is_not_ours(edge: LoneEdge) -> None:
    """It may cost neither answers without end nor log lines without end."""
    host = "stranger.example"
    one = f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: flood\r\n\r\n".encode()
    with open_tls(edge.stack) as connection:
        connection.sendall(one * 600 + request(host=host))
        answers = read_until_closed(connection).split(b"HTTP/1.1 ")[1:]
    misdirected = [answer for answer in answers if answer.startswith(b"421")]
    refused = [answer for answer in answers if answer.startswith(b"429")]
    assert refused
    assert len(misdirected) + len(refused) == 601
    assert_problem(parse(b"HTTP/1.1 " + refused[0]), 429, "rate-limited")
    lines = log_lines_of(edge, host)
    assert {line["http.response.status_code"] for line in lines} == {421}
    assert len(lines) == len(misdirected)


def test_twin_one_request_for_a_host_that_is_not_ours(edge: LoneEdge) -> None:
    host = "once.example"
    assert_problem(ask(open_tls(edge.stack), request(host=host)), 421, "wrong-host")
    (line,) = log_lines_of(edge, host)
    assert line["http.response.status_code"] == 421


def test_attack_a_flood_over_plain_http_for_a_host_that_is_not_ours(edge: LoneEdge) -> None:
    """Each ends without a byte; from some number on, without a line in the log too."""
    host, source = "stranger-80.example", fresh_source()
    for round_ in range(1, 11):
        for _ in range(300):
            plain = open_plain(edge.stack.http_port, source)
            assert ask(plain, request(host=host)).status == 0
        if len(log_lines_of(edge, host)) < 300 * round_:
            return
    pytest.fail("each of them was logged")


def test_twin_one_request_over_plain_http_for_a_host_that_is_not_ours(edge: LoneEdge) -> None:
    host = "once-80.example"
    assert ask(open_plain(edge.stack.http_port), request(host=host)).status == 0
    (line,) = log_lines_of(edge, host)
    assert line["http.response.status_code"] == 444


def test_twin_another_address_during_a_flood(edge: LoneEdge) -> None:
    client = edge.stack.client()
    with open_tls(edge.stack) as connection:
        connection.sendall(b"GET /also HTTP/1.1\r\nHost: localhost\r\n\r\n" * 600 + request())
        assert client.get("/healthz").status_code == 200
        assert b"HTTP/1.1 429 " in read_until_closed(connection)
        assert client.get("/healthz").status_code == 200
