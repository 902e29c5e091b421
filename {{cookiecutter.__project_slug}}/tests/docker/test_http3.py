"""Attacks on layer 1 over QUIC: on handshakes, addresses and streams.

Every attack has its twin beside it: the honest client that differs in the one point that matters.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.client_hello import UNRECOGNIZED_NAME
from tests.raw import assert_problem
from tests.raw_http2 import get, post
from tests.raw_http3 import CRYPTO_ERROR, REQUEST_CANCELLED, Http3, headers_frame, open_udp
from tests.stack import Stack, fresh_source

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge

EARLY = 0xFFFFFFFF
"""What a ticket says that allows early data over QUIC (RFC 9001 §4.6.1)."""

HELD, ALLOWED = 60, 50
STREAMS = 600
CONCURRENT = 100


# Handshakes


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", None])
def test_attack_a_handshake_for_an_unknown_name(stack: Stack, name: str | None) -> None:
    with Http3(stack, name=name) as connection:
        assert connection.shake_hands() is None
    assert connection.end is not None
    assert connection.end.error_code == CRYPTO_ERROR + UNRECOGNIZED_NAME


def test_twin_a_handshake_for_our_name(stack: Stack) -> None:
    with Http3(stack) as connection:
        handshake = connection.shake_hands()
    assert handshake is not None
    assert handshake.alpn_protocol == "h3"


def test_attack_a_request_before_the_handshake_could_be_replayed(stack: Stack) -> None:
    """No ticket allows it, and a client that does it all the same is not heard (RFC 8470)."""
    with Http3(stack) as connection:
        connection.ask(get())
        connection.read_until(lambda: bool(connection.tickets))
    assert {ticket.max_early_data_size for ticket in connection.tickets} <= {None, 0}
    forged = replace(connection.tickets[0], max_early_data_size=EARLY)
    with Http3(stack, ticket=forged) as hasty:
        hasty.start(get("/healthz?early"))
        handshake = hasty.shake_hands()
    assert handshake is not None
    assert not handshake.early_data_accepted


def test_twin_a_session_goes_on_without_early_data(stack: Stack) -> None:
    with Http3(stack) as connection:
        connection.ask(get())
        connection.read_until(lambda: bool(connection.tickets))
    with Http3(stack, ticket=connection.tickets[0]) as again:
        assert again.ask(get()).status == 200


# Addresses


def test_attack_a_first_packet_from_a_forged_address_brings_its_victim_less_than_it_cost(
    edge: LoneEdge,
) -> None:
    """One small Retry and no memory of it, until the address has answered (RFC 9000 §8.1)."""
    with Http3(edge.stack) as connection:
        (first, *_) = connection.first_datagrams()
    with open_udp(edge.stack.https_port) as udp:
        udp.send(first)
        answer = udp.recv(2048)
        assert len(answer) * 3 < len(first)
        udp.settimeout(1)
        with pytest.raises(TimeoutError):
            udp.recv(2048)  # nothing more comes, although nobody acknowledged anything


def test_attack_a_first_packet_that_is_too_small_gets_no_answer(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        (first, *_) = connection.first_datagrams()
    with open_udp(edge.stack.https_port) as udp:
        udp.send(first[:600])
        udp.settimeout(1)
        with pytest.raises(TimeoutError):
            udp.recv(2048)


def test_twin_an_honest_client_proves_its_address_and_goes_on(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        assert connection.ask(get("/proved")).status == 200
    assert connection.packets[:2] == ["retry", "initial"]


def test_attack_a_token_of_another_address(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        connection.read_until(lambda: bool(connection.tokens))
    with Http3(edge.stack, token=connection.tokens[0]) as other:
        assert other.ask(get("/stolen")).status == 200
    assert other.packets[0] == "retry"


def test_twin_a_token_of_the_same_address_saves_a_round_trip(edge: LoneEdge) -> None:
    source = fresh_source()
    with Http3(edge.stack, source=source) as connection:
        connection.read_until(lambda: bool(connection.tokens))
    with Http3(edge.stack, source=source, token=connection.tokens[0]) as again:
        assert again.ask(get("/known")).status == 200
    assert "retry" not in again.packets


def test_attack_moving_to_another_address_does_not_leave_the_old_one_behind(
    edge: LoneEdge,
) -> None:
    """What is logged and limited is where the client is now (RFC 9000 §9).

    The packets may meet a worker that does not know the connection, and ends it.
    """
    first, second = fresh_source(), fresh_source()
    with Http3(edge.stack, source=first, idle_seconds=3) as connection:
        assert connection.ask(get("/before")).status == 200
        connection.move(second)
        moved = connection.ask(get("/moved"))
        after = connection.ask(get("/after"))
    assert edge.the_arrival(" /before ").values("x-forwarded-for") == [first]
    assert moved.status == after.status == 200 or connection.end is not None
    assert len(edge.arrived(" /after ")) == (after.status == 200)
    for arrival in edge.arrived(" /after "):
        assert arrival.values("x-forwarded-for") == [second]


def test_twin_a_client_at_another_address_begins_anew(edge: LoneEdge) -> None:
    second = fresh_source()
    with Http3(edge.stack, source=second) as connection:
        assert connection.ask(get("/anew")).status == 200
    assert edge.the_arrival(" /anew ").values("x-forwarded-for") == [second]


# Streams


def test_attack_a_flood_of_requests_on_one_connection(edge_without_app: LoneEdge) -> None:
    with Http3(edge_without_app.stack) as connection:
        streams = []
        for _ in range(STREAMS // CONCURRENT):
            batch = [connection.start(get()) for _ in range(CONCURRENT)]
            streams += [connection.wait_for(number) for number in batch]
    refused = [stream for stream in streams if stream.status == 429]
    assert refused
    assert_problem(refused[0].answer, 429, "rate-limited")
    assert refused[0].answer.headers["retry-after"] == "1"


def test_twin_another_address_during_a_flood(edge_without_app: LoneEdge) -> None:
    test_attack_a_flood_of_requests_on_one_connection(edge_without_app)
    with Http3(edge_without_app.stack) as connection:
        assert_problem(connection.ask(get()).answer, 502, "unavailable")


def test_attack_more_unfinished_bodies_than_one_address_may_hold(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        held = [connection.start(post("/held"), end=False) for _ in range(HELD)]
        streams = [connection.stream(number) for number in held]
        connection.read_until(lambda: sum(one.is_ended for one in streams) == HELD - ALLOWED)
    assert sorted(one.status for one in streams) == [0] * ALLOWED + [429] * (HELD - ALLOWED)
    assert not edge.arrived(" /held ")


def test_twin_a_few_unfinished_bodies_are_waited_for(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        held = [connection.start(post("/waits"), end=False) for _ in range(20)]
        for number in held:
            connection.h3.send_data(number, b"{}", end_stream=True)
        assert {connection.wait_for(number).status for number in held} == {200}


def test_attack_streams_that_are_given_up_as_soon_as_they_are_opened(edge: LoneEdge) -> None:
    """HTTP/3's form of the rapid reset (CVE-2023-44487)."""
    with Http3(edge.stack) as connection:
        connection.shake_hands()
        assert connection.their_parameters["initial_max_streams_bidi"] <= 128
        for _ in range(STREAMS):
            number = connection.start(get("/reset"))
            connection.quic.reset_stream(number, REQUEST_CANCELLED)
            connection.quic.stop_stream(number, REQUEST_CANCELLED)
            connection.flush()
    with Http3(edge.stack) as other:
        assert other.ask(get("/after-resets")).status == 200
    assert len(edge.arrived(" /reset ")) < STREAMS
    assert "exited on signal" not in edge.stack.log_path("nginx").read_text("utf-8")


def test_attack_half_a_header_is_not_waited_for_for_long(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        connection.shake_hands()
        number = connection.quic.get_next_available_stream_id()
        connection.quic.send_stream_data(number, headers_frame(get("/half"))[:9])
        connection.read_until(lambda: connection.stream(number).is_ended, seconds=20)
    assert connection.end is not None or connection.stream(number).is_ended


def test_twin_a_header_in_two_pieces(edge: LoneEdge) -> None:
    with Http3(edge.stack) as connection:
        connection.shake_hands()
        whole = headers_frame(get("/pieces"))
        number = connection.quic.get_next_available_stream_id()
        connection.quic.send_stream_data(number, whole[:9])
        connection.flush()
        connection.quic.send_stream_data(number, whole[9:], end_stream=True)
        assert connection.wait_for(number).status == 200


def test_attack_a_connection_that_says_nothing_is_forgotten_in_seconds(edge: LoneEdge) -> None:
    with Http3(edge.stack, idle_seconds=600) as connection:
        connection.shake_hands()
    assert 0 < connection.their_parameters["max_idle_timeout"] <= 10_000
