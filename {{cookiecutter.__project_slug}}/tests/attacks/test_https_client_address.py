"""Attacks on layer 1 by clients that say they are someone else.

Every limit, ban and log line is by client address, so whoever can choose it has none.
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING

import pytest

from dev.edge import EdgeError
from tests.lone_edge import LoneEdge, lone_edge
from tests.raw import ask, open_plain, open_tls, request
from tests.stack import Stack, fresh_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BALANCER, OTHER_BALANCER = "127.99.0.5", "127.99.7.7"
BALANCERS = "127.99.0.0/24 127.99.7.7"
CLIENT, FORGED = "203.0.113.9", "198.51.100.7"


def arrived(edge: LoneEdge, source: str, *headers: str) -> list[str]:
    """Send a request from an address; return every X-Forwarded-For that reached the application."""
    mark = secrets.token_hex(8)
    answer = ask(open_tls(edge.stack, source=source), request(f"/{mark}", *headers))
    assert answer.status == 200
    arrival = edge.the_arrival(mark)
    arrival.assert_plain()
    assert arrival.values("x-real-ip") == arrival.values("x-forwarded-for")
    (line,) = edge.stack.log_lines(source="access", path=f"/{mark}")
    assert [line["source.ip"]] == arrival.values("x-forwarded-for")
    assert line["edge.peer_ip"] == source
    return arrival.values("x-forwarded-for")


# Nobody is believed


@pytest.mark.parametrize(
    "header",
    [
        *(f"X-Forwarded-For: {FORGED}", f"X-Real-IP: {FORGED}", f"True-Client-IP: {FORGED}"),
        *(f"CF-Connecting-IP: {FORGED}", f"Client-IP: {FORGED}", f"X-Client-IP: {FORGED}"),
        *(f"Forwarded: for={FORGED};proto=http", f"X_Forwarded_For: {FORGED}"),
        *(f"X-Cluster-Client-IP: {FORGED}", f"Fastly-Client-IP: {FORGED}"),
        "Connection: close, X-Forwarded-For",
    ],
)
def test_attack_a_forged_client_address(edge: LoneEdge, header: str) -> None:
    source = fresh_source()
    assert arrived(edge, source, header) == [source]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.example")),
        *(("X-Forwarded-Port", "80"), ("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Ssl", "off")),
        *(("X-Original-URL", "/admin"), ("X-Rewrite-URL", "/admin"), ("X-Host", "evil.example")),
        *(("X-HTTP-Method-Override", "DELETE"), ("Proxy", "http://evil.example")),
        *(("X-Request-ID", "chosen"), ("X-TLS-Ciphers", "chosen"), ("X-TLS-Groups", "chosen")),
        *(("Front-End-Https", "off"), ("X-Forwarded-Scheme", "http"), ("X-Scheme", "http")),
    ],
    ids=str,
)
def test_attack_a_forged_word_of_the_proxy(edge: LoneEdge, name: str, value: str) -> None:
    mark = secrets.token_hex(8)
    ask(open_tls(edge.stack), request(f"/{mark}", f"{name}: {value}", f"{name}: {value}"))
    arrival = edge.the_arrival(mark)
    assert value not in arrival.values(name.lower())
    assert arrival.values("x-forwarded-proto") == ["https"]
    assert arrival.values("x-forwarded-host") == [f"localhost:{edge.stack.https_port}"]


def test_twin_an_honest_client_is_seen_as_who_it_is(stack: Stack) -> None:
    source = fresh_source()
    answer = stack.client(source).get("/healthz")
    (line, *_) = stack.log_lines("request", request_id=answer.headers["x-request-id"])
    assert line["source.ip"] == source


# Only a balancer is believed


@pytest.fixture(scope="module")
def balanced(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneEdge]:
    """nginx behind a load balancer that appends to X-Forwarded-For."""
    with lone_edge(stack, tmp_path_factory.mktemp("balanced"), balancers=BALANCERS) as edge:
        yield edge


@pytest.mark.parametrize("source", [BALANCER, OTHER_BALANCER])
def test_twin_a_balancer_says_who_the_client_is(balanced: LoneEdge, source: str) -> None:
    assert arrived(balanced, source, f"X-Forwarded-For: {CLIENT}") == [CLIENT]


def test_attack_a_forged_address_past_the_balancer(balanced: LoneEdge) -> None:
    source = fresh_source()
    assert arrived(balanced, source, f"X-Forwarded-For: {FORGED}") == [source]


@pytest.mark.parametrize(
    "headers",
    [
        (f"X-Forwarded-For: {FORGED}, {CLIENT}",),
        (f"X-Forwarded-For: {FORGED}", f"X-Forwarded-For: {CLIENT}"),
        (f"X-Forwarded-For: {FORGED}, {CLIENT}, {OTHER_BALANCER}",),
        (f"X-Forwarded-For: {BALANCER}, {FORGED},{CLIENT}",),
        (f"X-Forwarded-For: {CLIENT}", f"X-Real-IP: {FORGED}", f"CF-Connecting-IP: {FORGED}"),
        (f"X-Forwarded-For: {CLIENT}", f"Forwarded: for={FORGED}"),
    ],
    ids=["a list", "two headers", "two balancers", "a balancer's name", "others", "Forwarded"],
)
def test_attack_a_forged_address_through_the_balancer(
    balanced: LoneEdge, headers: tuple[str, ...]
) -> None:
    assert arrived(balanced, BALANCER, *headers) == [CLIENT]


@pytest.mark.parametrize(
    "said", ["", "unknown", "evil.example", "unix:", "999.1.1.1", "a" * 500, "127.99.0.5\t,"]
)
def test_attack_an_address_that_is_none_through_the_balancer(balanced: LoneEdge, said: str) -> None:
    (seen,) = arrived(balanced, BALANCER, f"X-Forwarded-For: {said}")
    assert ipaddress.ip_address(seen) == ipaddress.ip_address(BALANCER)


def test_attack_a_flood_through_the_balancer_stops_its_own_client_only(
    balanced: LoneEdge,
) -> None:
    """Limits by the balancer's address would stop everybody for one."""

    def status(client: str) -> int:
        said = request("/limited", f"X-Forwarded-For: {client}")
        return ask(open_tls(balanced.stack, source=BALANCER), said).status

    one = b"GET /flood HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.66\r\n\r\n"
    answer = ask(open_tls(balanced.stack, source=BALANCER), one * 600 + request())
    assert b"HTTP/1.1 429 " in answer.body
    assert status(CLIENT) == 200


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
    assert arrived(edge, BALANCER, f"{name}: {CLIENT}") == [CLIENT]


def test_attack_a_forged_address_past_or_through_the_cdn(behind_cdn: tuple[LoneEdge, str]) -> None:
    edge, name = behind_cdn
    source = fresh_source()
    assert arrived(edge, source, f"{name}: {FORGED}") == [source]
    forged = f"X-Forwarded-For: {FORGED}"
    assert arrived(edge, BALANCER, forged, f"{name}: {CLIENT}") == [CLIENT]


def proxied(edge: LoneEdge, source: str) -> int:
    """Send the PROXY line of HAProxy's protocol from an address, then TLS; return the status."""
    with open_plain(edge.stack.https_port, source) as connection:
        connection.sendall(f"PROXY TCP4 {CLIENT} 127.0.0.1 1024 443\r\n".encode())
        context = edge.stack.tls_context()
        with context.wrap_socket(connection, server_hostname="localhost") as tls:
            return ask(tls, request(f"/proxied-{source}")).status


def test_attack_a_proxy_line_of_a_stranger(stack: Stack, tmp_path: Path) -> None:
    """The listener reads the line of anybody, and believes that of a balancer alone."""
    header = "proxy_protocol"
    with lone_edge(stack, tmp_path, balancers=BALANCERS, client_header=header) as edge:
        stranger = fresh_source()
        for source, seen in ((BALANCER, CLIENT), (stranger, stranger)):
            assert proxied(edge, source) == 200
            arrival = edge.the_arrival(f"/proxied-{source}")
            assert arrival.values("x-forwarded-for") == [seen]


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
