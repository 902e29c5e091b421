"""Attacks on layer 1 behind a load balancer or CDN: only that one is believed, about one thing.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from dev.edge import EdgeError
from tests.lone_edge import LoneEdge, lone_edge
from tests.raw import ask, open_plain, open_tls, read_until_closed, request
from tests.stack import Stack, fresh_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BALANCER, OTHER_BALANCER = "127.99.0.5", "127.99.7.7"
BALANCERS = "127.99.0.0/24 127.99.7.7"
CLIENT, FORGED = "203.0.113.9", "198.51.100.7"

# A balancer that appends to X-Forwarded-For


@pytest.fixture(scope="module")
def balanced(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneEdge]:
    """nginx behind a load balancer that appends to X-Forwarded-For."""
    with lone_edge(stack, tmp_path_factory.mktemp("balanced"), balancers=BALANCERS) as edge:
        yield edge


@pytest.mark.parametrize("source", [BALANCER, OTHER_BALANCER])
@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (CLIENT, CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        (f"{CLIENT}, {OTHER_BALANCER}", CLIENT),
    ],
    ids=["IPv4", "with a port", "IPv6", "IPv6 with a port", "through another balancer"],
)
def test_twin_a_balancer_says_who_the_client_is(
    balanced: LoneEdge, source: str, said: str, seen: str
) -> None:
    assert balanced.seen_client(source, f"X-Forwarded-For: {said}") == seen


def test_twin_the_balancer_itself_may_ask(balanced: LoneEdge) -> None:
    assert balanced.seen_client(BALANCER) == BALANCER


def test_attack_a_forged_address_past_the_balancer(balanced: LoneEdge) -> None:
    source = fresh_source()
    assert balanced.seen_client(source, f"X-Forwarded-For: {FORGED}") == source


@pytest.mark.parametrize(
    "headers",
    [
        (f"X-Forwarded-For: {FORGED}, {CLIENT}",),
        (f"X-Forwarded-For: {FORGED}", f"X-Forwarded-For: {CLIENT}"),
        (f"X-Forwarded-For: {FORGED}, {CLIENT}, {OTHER_BALANCER}",),
        (f"X-Forwarded-For: {FORGED}, {OTHER_BALANCER}, {CLIENT}",),
        (f"X-Forwarded-For: {BALANCER}, {FORGED},{CLIENT}",),
        (f"X-Forwarded-For: {BALANCER}, {CLIENT}",),
        (f"X-Forwarded-For: {FORGED},{CLIENT}:4711",),
        (f"X-Forwarded-For: unknown, {CLIENT}",),
        (f"X-Forwarded-For: {CLIENT}", f"X-Real-IP: {FORGED}", f"CF-Connecting-IP: {FORGED}"),
        (f"X-Forwarded-For: {CLIENT}", f"Forwarded: for={FORGED}"),
        (f"X_Forwarded_For: {FORGED}", f"X-Forwarded-For: {CLIENT}"),
    ],
    ids="; ".join,
)
def test_attack_a_forged_address_through_the_balancer(
    balanced: LoneEdge, headers: tuple[str, ...]
) -> None:
    assert balanced.seen_client(BALANCER, *headers) == CLIENT


@pytest.mark.parametrize(
    "said", ["", "unknown", "evil.example", "unix:", "999.1.1.1", "a" * 500, "127.99.0.5\t,"]
)
def test_attack_an_address_that_is_none_through_the_balancer(balanced: LoneEdge, said: str) -> None:
    seen = balanced.seen_client(BALANCER, f"X-Forwarded-For: {said}")
    assert ipaddress.ip_address(seen) == ipaddress.ip_address(BALANCER)


@pytest.mark.parametrize("last", ["unknown", "203.0.113.999", "203.0.113.9%eth0", "_hidden"])
def test_attack_what_is_no_address_does_not_bring_back_what_stood_before_it(
    balanced: LoneEdge, last: str
) -> None:
    assert balanced.seen_client(BALANCER, f"X-Forwarded-For: {FORGED}, {last}") != FORGED


# Limits behind it


def count_refused(balanced: LoneEdge, client: str, count: int) -> int:
    """Send requests of a client through the balancer, all at once; return how many were refused."""
    header = f"X-Forwarded-For: {client}"
    one = f"GET /flood HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode()
    with open_tls(balanced.stack, source=BALANCER) as connection:
        connection.sendall(one * count + request("/flood", header))
        return read_until_closed(connection).count(b"HTTP/1.1 429 ")


def test_attack_a_flood_through_the_balancer(balanced: LoneEdge) -> None:
    assert count_refused(balanced, "203.0.113.66", 600) > 0


def test_twin_another_client_of_that_balancer_is_answered_meanwhile(balanced: LoneEdge) -> None:
    """Limits by the balancer's address would stop everybody for one."""
    assert count_refused(balanced, "203.0.113.67", 600) > 0
    assert balanced.seen_client(BALANCER, f"X-Forwarded-For: {CLIENT}") == CLIENT


def test_attack_a_flood_from_many_addresses_of_one_ipv6_network(balanced: LoneEdge) -> None:
    """A customer has 2^64 of them."""
    clients = [f"2001:db8:0:1::{number}" for number in range(1, 9)]
    assert sum(count_refused(balanced, client, 100) for client in clients) > 0


def test_twin_the_neighbouring_ipv6_network_is_answered_meanwhile(balanced: LoneEdge) -> None:
    assert count_refused(balanced, "2001:db8:0:2::1", 600) > 0
    neighbour = "2001:db8:0:3::1"
    assert balanced.seen_client(BALANCER, f"X-Forwarded-For: {neighbour}") == neighbour


# A CDN with a header of its own

HEADERS = ["CF-Connecting-IP", "True-Client-IP", "X-Real-IP"]


@pytest.fixture(scope="module", params=HEADERS)
def behind_cdn(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[LoneEdge, str]]:
    """nginx behind a CDN that says the client's address in a header of its own."""
    folder = tmp_path_factory.mktemp("cdn")
    with lone_edge(stack, folder, balancers=BALANCERS, client_header=request.param) as edge:
        yield edge, request.param


def test_twin_a_cdn_says_who_the_client_is(behind_cdn: tuple[LoneEdge, str]) -> None:
    edge, name = behind_cdn
    assert edge.seen_client(BALANCER, f"{name}: {CLIENT}") == CLIENT


def test_attack_a_stranger_uses_the_cdns_header(behind_cdn: tuple[LoneEdge, str]) -> None:
    edge, name = behind_cdn
    source = fresh_source()
    assert edge.seen_client(source, f"{name}: {FORGED}") == source


def test_attack_another_header_than_the_cdns(behind_cdn: tuple[LoneEdge, str]) -> None:
    edge, name = behind_cdn
    for other in {"X-Forwarded-For", *HEADERS} - {name}:
        forged = f"{other}: {FORGED}"
        assert edge.seen_client(BALANCER, forged, f"{name}: {CLIENT}") == CLIENT
        assert edge.seen_client(BALANCER, forged) == BALANCER


# A balancer of connections

PROXY_LINE = "PROXY TCP4 {} 127.0.0.1 4711 443\r\n"


@pytest.fixture(scope="module")
def wrapped(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneEdge]:
    """nginx behind a balancer that says the client before the handshake, by HAProxy's protocol."""
    folder = tmp_path_factory.mktemp("wrapped")
    with lone_edge(stack, folder, balancers=BALANCERS, client_header="proxy_protocol") as edge:
        yield edge


def test_attack_a_proxy_line_of_a_stranger(wrapped: LoneEdge) -> None:
    """The listener reads the line of anybody, and believes that of a balancer alone."""
    source = fresh_source()
    assert wrapped.seen_client(source, first=PROXY_LINE.format(FORGED).encode()) == source


def test_attack_a_header_behind_a_balancer_of_connections(wrapped: LoneEdge) -> None:
    line = PROXY_LINE.format(CLIENT).encode()
    assert wrapped.seen_client(BALANCER, f"X-Forwarded-For: {FORGED}", first=line) == CLIENT


def test_attack_a_connection_without_a_proxy_line(wrapped: LoneEdge) -> None:
    answer = ask(open_plain(wrapped.stack.http_port, BALANCER), request("/"))
    assert (answer.status, answer.body) == (0, b"")


def test_twin_a_proxy_line_of_the_balancer(wrapped: LoneEdge) -> None:
    assert wrapped.seen_client(BALANCER, first=PROXY_LINE.format(CLIENT).encode()) == CLIENT


# Nobody is believed by mistake


@pytest.mark.parametrize(
    "wide",
    ["all", "0.0.0.0/0", "0.0.0.0/1", "0.0.0.1", "8.0.0.0/7", "::/0", "2000::/3", "::ffff:0:0/96"],
)
def test_attack_everybody_as_a_balancer(stack: Stack, tmp_path: Path, wide: str) -> None:
    """No installation starts that would believe anyone."""
    with (
        pytest.raises(EdgeError, match="EDGE_BALANCERS"),
        lone_edge(stack, tmp_path, balancers=f"10.0.3.0/24 {wide}"),
    ):
        pytest.fail("it started")


def test_attack_a_header_that_is_believed_of_anybody(stack: Stack, tmp_path: Path) -> None:
    with (
        pytest.raises(EdgeError, match="EDGE_CLIENT_HEADER"),
        lone_edge(stack, tmp_path, client_header="CF-Connecting-IP"),
    ):
        pytest.fail("it started")
