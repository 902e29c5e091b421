"""Attacks on layer 1 by number, and while nobody is there to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.raw import assert_problem, open_tls, parse, read_until_closed, request

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge
    from tests.stack import Stack


def test_attack_probing_while_the_application_is_down(edge_without_app: LoneEdge) -> None:
    answer = edge_without_app.stack.client().get("/healthz")
    assert_problem(answer, 502, "unavailable")
    assert answer.headers["retry-after"] == "5"


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


def test_twin_another_address_during_a_flood(edge: LoneEdge) -> None:
    client = edge.stack.client()
    with open_tls(edge.stack) as connection:
        connection.sendall(b"GET /also HTTP/1.1\r\nHost: localhost\r\n\r\n" * 600 + request())
        assert client.get("/healthz").status_code == 200
        assert b"HTTP/1.1 429 " in read_until_closed(connection)
        assert client.get("/healthz").status_code == 200
