"""Who the client is: behind no balancer, behind one, and behind one that somebody plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.edge.serving import BALANCER, STRANGER, Edge, configured_edge
from tests.raw import open_plain, read_until_closed, request

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUE = "203.0.113.9"
FORGED = "198.51.100.1"
CDN = "192.0.2.7"


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge behind a load balancer, which stands behind a CDN."""
    folder = tmp_path_factory.mktemp("balanced")
    with configured_edge(folder, balancers=f"{BALANCER}, 192.0.2.0/24") as edge:
        yield edge


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge behind a CDN that says the client in a header of its own."""
    folder = tmp_path_factory.mktemp("named")
    with configured_edge(folder, balancers=BALANCER, client_header="CF-Connecting-IP") as edge:
        yield edge


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge behind a balancer of connections, which says the client before the handshake."""
    folder = tmp_path_factory.mktemp("wrapped")
    with configured_edge(folder, balancers=BALANCER, client_header="proxy_protocol") as edge:
        yield edge


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge with nothing before it."""
    with configured_edge(tmp_path_factory.mktemp("alone")) as edge:
        yield edge


@pytest.mark.parametrize(
    "headers",
    [
        (f"X-Forwarded-For: {FORGED}, {TRUE}",),
        (f"X-Forwarded-For: {FORGED}", f"X-Forwarded-For: {TRUE}"),
        (f"X-Forwarded-For: {FORGED}, {TRUE}, {CDN}",),
        (f"X-Forwarded-For: {FORGED}, {CDN}, {TRUE}",),
        (f"X-Forwarded-For: {FORGED},{TRUE}:4711",),
        (f"X-Forwarded-For: {BALANCER}, {TRUE}",),
        (f"X-Forwarded-For: unknown, {TRUE}",),
        (f"X-Forwarded-For: {TRUE}", f"X-Real-IP: {FORGED}", f"Forwarded: for={FORGED}"),
        (f"X_Forwarded_For: {FORGED}", f"X-Forwarded-For: {TRUE}"),
    ],
    ids="; ".join,
)
def test_attack_a_client_behind_a_balancer_forges_its_address(
    balanced: Edge, headers: tuple[str, ...]
) -> None:
    assert balanced.seen_client(*headers, source=BALANCER) == TRUE


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (TRUE, TRUE),
        (f"{TRUE}:4711", TRUE),
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        (f"{TRUE}, {CDN}", TRUE),
    ],
    ids=["IPv4", "with a port", "IPv6", "IPv6 with a port", "through the CDN"],
)
def test_twin_a_client_behind_a_balancer_is_seen_as_who_it_is(
    balanced: Edge, said: str, seen: str
) -> None:
    assert balanced.seen_client(f"X-Forwarded-For: {said}", source=BALANCER) == seen


@pytest.mark.parametrize("last", ["unknown", "203.0.113.999", "203.0.113.9%eth0", "_hidden"])
def test_attack_what_is_no_address_does_not_bring_back_what_stood_before_it(
    balanced: Edge, last: str
) -> None:
    forged = f"X-Forwarded-For: {FORGED}, {last}"
    assert balanced.seen_client(forged, source=BALANCER) != FORGED


def test_attack_a_stranger_plays_the_balancer(balanced: Edge) -> None:
    forged = f"X-Forwarded-For: {FORGED}"
    assert balanced.seen_client(forged, source=STRANGER) == STRANGER


def test_twin_the_balancer_itself_may_ask(balanced: Edge) -> None:
    assert balanced.seen_client(source=BALANCER) == BALANCER


def test_the_access_log_names_the_client_and_who_brought_it(balanced: Edge) -> None:
    number = balanced.ask(f"X-Forwarded-For: {TRUE}", source=BALANCER).json()
    (request_id,) = [value for name, value in number if name.lower() == "x-request-id"]
    (line,) = balanced.stack.log_lines("edge_request", source="access", request_id=request_id)
    assert (line["source.ip"], line["edge.peer_ip"]) == (TRUE, BALANCER)


def test_attack_a_flood_behind_the_balancer_is_the_floods_own_matter(balanced: Edge) -> None:
    statuses = balanced.flood("X-Forwarded-For: 203.0.113.50", source=BALANCER)
    assert b"429" in statuses


def test_twin_another_client_of_that_balancer_is_answered_meanwhile(balanced: Edge) -> None:
    statuses = balanced.flood("X-Forwarded-For: 203.0.113.51", source=BALANCER)
    assert b"429" in statuses
    assert balanced.seen_client("X-Forwarded-For: 203.0.113.52", source=BALANCER)


def test_attack_a_flood_from_many_addresses_of_one_ipv6_network(balanced: Edge) -> None:
    refused = 0
    for number in range(1, 9):
        header = f"X-Forwarded-For: 2001:db8:0:1::{number}"
        refused += balanced.flood(header, source=BALANCER, count=100).count(b"429")
    assert refused > 0


def test_twin_the_neighbouring_ipv6_network_is_answered_meanwhile(balanced: Edge) -> None:
    assert b"429" in balanced.flood("X-Forwarded-For: 2001:db8:0:2::1", source=BALANCER)
    neighbour = "2001:db8:0:3::1"
    assert balanced.seen_client(f"X-Forwarded-For: {neighbour}", source=BALANCER) == neighbour


@pytest.mark.parametrize(
    "header", [f"X-Forwarded-For: {FORGED}", f"X-Real-IP: {FORGED}", f"True-Client-IP: {FORGED}"]
)
def test_attack_another_header_than_the_cdns(named: Edge, header: str) -> None:
    told = f"CF-Connecting-IP: {TRUE}"
    assert named.seen_client(header, told, source=BALANCER) == TRUE
    assert named.seen_client(header, source=BALANCER) == BALANCER


def test_attack_a_stranger_uses_the_cdns_header(named: Edge) -> None:
    assert named.seen_client(f"CF-Connecting-IP: {FORGED}", source=STRANGER) == STRANGER


def test_twin_the_cdn_uses_its_header(named: Edge) -> None:
    assert named.seen_client(f"CF-Connecting-IP: {TRUE}", source=BALANCER) == TRUE


def test_attack_a_stranger_speaks_the_proxy_protocol(wrapped: Edge) -> None:
    first = f"PROXY TCP4 {FORGED} 127.0.0.1 4711 443\r\n".encode()
    assert wrapped.seen_client(source=STRANGER, first=first) == STRANGER


def test_attack_a_header_behind_a_balancer_of_connections(wrapped: Edge) -> None:
    first = f"PROXY TCP4 {TRUE} 127.0.0.1 4711 443\r\n".encode()
    forged = f"X-Forwarded-For: {FORGED}"
    assert wrapped.seen_client(forged, source=BALANCER, first=first) == TRUE


def test_attack_a_connection_without_the_proxy_protocol(wrapped: Edge) -> None:
    with open_plain(wrapped.stack.http_port, BALANCER) as connection:
        connection.sendall(request("/"))
        assert read_until_closed(connection) == b""


def test_twin_the_balancer_speaks_the_proxy_protocol(wrapped: Edge) -> None:
    first = f"PROXY TCP4 {TRUE} 127.0.0.1 4711 443\r\n".encode()
    assert wrapped.seen_client(source=BALANCER, first=first) == TRUE


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "Client-IP"]
)
def test_attack_a_header_when_there_is_no_balancer(alone: Edge, name: str) -> None:
    assert alone.seen_client(f"{name}: {FORGED}", source=BALANCER) == BALANCER


def test_twin_no_header_when_there_is_no_balancer(alone: Edge) -> None:
    assert alone.seen_client(source=STRANGER) == STRANGER
