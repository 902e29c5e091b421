"""Attacks on layer 1 by clients that hold what they can and take as long as they may.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

import itertools
import secrets
import ssl
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hyperframe.frame import SettingsFrame, WindowUpdateFrame

from tests.raw import ask, assert_problem, open_tls, parse, request
from tests.raw_http2 import Http2, get
from tests.slow import POST_HEAD, Outcome, run_slow_clients
from tests.stack import Stack, fresh_source, wait_until

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge

HELD, DOWNLOADS = 50, 10
"""`limit_conn` of edge/snippets/server/limits.conf."""
SHUT = {SettingsFrame.INITIAL_WINDOW_SIZE: 0}
"""What a client says by HTTP/2 that reads not a byte of any body."""


@pytest.fixture(scope="module")
def outcomes(edge: LoneEdge) -> dict[str, Outcome]:
    """What every kind of slow client got."""
    return run_slow_clients(edge)


@pytest.mark.parametrize(
    "client",
    [
        "says nothing",
        "says nothing on port 80",
        "says nothing after its handshake",
        "says half a handshake",
        "says half a header",
        "drips a header",
        "drips a header on port 80",
        "says nothing by HTTP/2",
        "says half a header by HTTP/2",
    ],
)
def test_attack_a_client_that_never_gets_to_its_request(
    outcomes: dict[str, Outcome], client: str
) -> None:
    """Slowloris: it costs the client nothing, and a connection here."""
    assert outcomes[client] == Outcome(b"")


@pytest.mark.parametrize("client", ["says half a body", "says half a chunk"])
def test_attack_a_body_that_stops(
    outcomes: dict[str, Outcome], edge: LoneEdge, client: str
) -> None:
    """R-U-Dead-Yet. nginx collects a body first, so the application never hears of it.

    There is no 408: nginx answers nobody whose body stopped, it resets the connection.
    """
    assert outcomes[client] == Outcome(b"")
    assert edge.arrived("POST /slow ") == []


@pytest.mark.parametrize("client", ["reads nothing", "opens no window by HTTP/2"])
def test_attack_an_answer_that_nobody_reads(outcomes: dict[str, Outcome], client: str) -> None:
    assert outcomes[client] == Outcome(b"")


def test_attack_a_connection_that_is_kept_for_nothing(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["keeps its connection"].is_over
    assert parse(outcomes["keeps its connection"].received).status == 200


def test_twin_a_header_and_a_body_in_two_pieces(stack: Stack) -> None:
    whole = POST_HEAD.replace(b"Content-Length: 100", b"Content-Length: 2")
    with open_tls(stack) as connection:
        connection.sendall(whole[:20])
        connection.sendall(whole[20:] + b"{")
        assert ask(connection, b"}").status == 404


def test_twin_a_large_answer_that_is_read(edge: LoneEdge) -> None:
    answer = edge.stack.client().get("/large")
    assert (answer.status_code, len(answer.content)) == (200, 24_000_000)


def connection_of_the_next(edge: LoneEdge, client: Http2, stream: int) -> int:
    """Send a request with a small answer, read it; return by which connection it went on."""
    path = f"/next?{secrets.token_hex(8)}"
    client.send(
        client.headers(stream, get(path), "END_STREAM"),
        WindowUpdateFrame(stream, window_increment=100),
    )
    assert client.wait_for(stream).status == 200
    return edge.the_arrival(path).connection


def test_attack_an_ordinary_answer_that_nobody_reads(edge: LoneEdge) -> None:
    """It waits in nginx: the application's connection takes the next request meanwhile."""
    streams, path = itertools.count(3, 2), f"/ordinary?{secrets.token_hex(8)}"
    with Http2(edge.stack, settings=SHUT) as client:
        client.send(client.headers(1, get(path), "END_STREAM"))
        held = edge.the_arrival(path).connection
        wait_until(
            lambda: connection_of_the_next(edge, client, next(streams)) == held,
            "the application's connection",
        )
        assert (client.stream(1).body, client.stream(1).is_ended) == (b"", False)


def test_twin_an_ordinary_answer_that_is_read(edge: LoneEdge) -> None:
    answer = edge.stack.client(http2=True).get("/ordinary")
    assert (answer.status_code, len(answer.content)) == (200, 1_200_000)


DOWNLOAD_PATHS = ["/api/v1/files/a", "/api/v1/file%73/a", "/docs/a", "/%64ocs/a"]


def hold_downloads(edge: LoneEdge, client: Http2, path: str) -> None:
    """Start as many downloads as one address may have, and wait until all have begun."""
    marked = f"{path}?{secrets.token_hex(8)}"
    streams = range(1, 2 * DOWNLOADS, 2)
    client.send(*[client.headers(stream, get(marked), "END_STREAM") for stream in streams])
    wait_until(lambda: len(edge.arrived(marked)) == DOWNLOADS, "every download")


@pytest.mark.parametrize("path", DOWNLOAD_PATHS)
def test_attack_many_downloads_held_from_one_address(edge: LoneEdge, path: str) -> None:
    """A large answer holds the application's connection until it is read."""
    source = fresh_source()
    with Http2(edge.stack, source=source, settings=SHUT) as client:
        hold_downloads(edge, client, path)
        refused = ask(open_tls(edge.stack, source=source), request(path))
        assert_problem(refused, 429, "rate-limited")


@pytest.mark.parametrize("path", DOWNLOAD_PATHS)
def test_twin_other_requests_and_other_addresses_meanwhile(edge: LoneEdge, path: str) -> None:
    source = fresh_source()
    with Http2(edge.stack, source=source, settings=SHUT) as client:
        hold_downloads(edge, client, path)
        other = ask(open_tls(edge.stack, source=source), request("/api/v1/files"))
        elsewhere = ask(open_tls(edge.stack), request(path))
        assert (other.status, elsewhere.status) == (200, 200)


def collect(held: list[ssl.SSLSocket], refused: list[bytes]) -> int:
    """Move connections that were answered from the first list to the second; return how many."""
    for connection in list(held):
        try:
            received = connection.recv(65_536)
        except ssl.SSLWantReadError:
            continue
        held.remove(connection)
        refused.append(received)
    return len(refused)


def test_attack_many_bodies_held_from_one_address(stack: Stack) -> None:
    """A body that drips may take its time, so what one address holds is what is bounded."""
    sources = [fresh_source(), fresh_source()]
    held: list[ssl.SSLSocket] = []
    refused: list[bytes] = []
    with ExitStack() as cleanup:
        for _ in range(120):
            connection = cleanup.enter_context(open_tls(stack, source=sources[0]))
            connection.sendall(POST_HEAD.replace(b"/slow", b"/held") + b"{")
            connection.setblocking(False)
            held.append(connection)
        wait_until(lambda: collect(held, refused) == 120 - HELD, "the refusal of seventy")
        for received in refused:
            assert_problem(parse(received), 429, "rate-limited")
        # Another address is served meanwhile, and this one is not.
        assert stack.client(sources[0]).get("/healthz").status_code == 429
        answer = stack.client(sources[1]).get("/healthz")
        assert answer.status_code == 200
        assert collect(held, refused) == 120 - HELD
    # Its line comes after those of the held bodies, if there were any.
    stack.log_lines("request", request_id=answer.headers["x-request-id"])
    assert b'"/held"' not in stack.log_path("app").read_bytes()


def test_twin_as_many_bodies_as_one_address_may_send_at_once(edge: LoneEdge) -> None:
    source = fresh_source()
    with ExitStack() as cleanup:
        connections = [
            cleanup.enter_context(open_tls(edge.stack, source=source)) for _ in range(HELD - 5)
        ]
        for connection in connections:
            connection.sendall(POST_HEAD.replace(b"/slow", b"/held") + b"{" * 50)
        assert {ask(connection, b"}" * 50).status for connection in connections} == {200}


def test_attack_hundreds_of_idle_connections(stack: Stack) -> None:
    with ExitStack() as cleanup:
        idle = [cleanup.enter_context(open_tls(stack)) for _ in range(300)]
        assert stack.client().get("/healthz").status_code == 200
        assert all(connection.version() == "TLSv1.3" for connection in idle)


def test_twin_a_good_client_when_they_are_gone(stack: Stack) -> None:
    client = stack.client(http2=True)
    assert {client.get("/healthz").status_code for _ in range(5)} == {200}
