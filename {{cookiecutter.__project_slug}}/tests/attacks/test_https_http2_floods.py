"""Attacks on layer 1 by HTTP/2: frames that cost their sender nothing.

Every flood is bounded; what is asserted is that nginx ends it, and that others are served.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.raw import assert_problem
from tests.raw_http2 import (
    ENHANCE_YOUR_CALM,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    Http2,
    get,
    post,
)

if TYPE_CHECKING:
    from tests.stack import Stack

CANCEL = 0x8
FLOOD_BYTES = 12_000_000
BURST = 1000
"""Frames in one write."""
STREAMS_AT_ONCE = 64
"""`http2_max_concurrent_streams` of edge/snippets/http/limits.conf."""


def assert_serves_others(stack: Stack) -> None:
    """Assert that a client from another address is answered."""
    assert stack.client(http2=True).get("/healthz").status_code == 200


def test_attack_rapid_reset(stack: Stack) -> None:
    """CVE-2023-44487: requests that are taken back at once cost work and count as none."""
    asked = 2000
    with Http2(stack) as connection:
        for first in range(1, 2 * asked, 200):
            frames: list[Frame] = []
            for stream in range(first, first + 200, 2):
                frames.append(connection.headers(stream, get("/readyz"), "END_STREAM"))
                frames.append(RstStreamFrame(stream, error_code=CANCEL))
            connection.send(*frames)
        connection.read_until()
        assert connection.goaway is not None
        refused = [stream for stream in connection.streams.values() if stream.reset is not None]
        assert any(stream.reset == REFUSED_STREAM for stream in refused)
    assert_serves_others(stack)


def test_twin_a_client_that_takes_a_few_requests_back(stack: Stack) -> None:
    with Http2(stack) as connection:
        for stream in range(1, 21, 2):
            connection.send(
                connection.headers(stream, get("/healthz"), "END_STREAM"),
                RstStreamFrame(stream, error_code=CANCEL),
            )
        assert connection.ask(get(), stream=21).status == 200


@pytest.mark.parametrize("size", [500, 0], ids=["full", "empty"])
def test_attack_a_header_list_that_never_ends(stack: Stack, size: int) -> None:
    """The class of CVE-2024-27316: CONTINUATION frames without END_HEADERS."""
    with Http2(stack) as connection:
        connection.send(HeadersFrame(1, data=connection.block(get()), flags=("END_STREAM",)))
        piece = connection.block([("x-a", "b" * size)]) if size else b""
        for _ in range(20):
            connection.send(*[ContinuationFrame(1, data=piece)] * BURST)
        connection.read_until()
        assert connection.goaway in {ENHANCE_YOUR_CALM, PROTOCOL_ERROR}
        assert connection.stream(1).status == 0
    assert_serves_others(stack)


def test_twin_a_header_list_in_pieces(stack: Stack) -> None:
    with Http2(stack) as connection:
        block = connection.block(get())
        connection.send(
            HeadersFrame(1, data=block[:5], flags=("END_STREAM",)),
            ContinuationFrame(1, data=block[5:9]),
            ContinuationFrame(1, data=block[9:], flags=("END_HEADERS",)),
        )
        assert connection.wait_for(1).status == 200


@pytest.mark.parametrize(
    "frame",
    [
        PingFrame(opaque_data=b"12345678"),
        SettingsFrame(settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 100}),
        SettingsFrame(),
        WindowUpdateFrame(0, window_increment=1),
        PriorityFrame(3, depends_on=0, stream_weight=1),
        DataFrame(1),
        ExtensionFrame(type=0x77, stream_id=0, body=b""),
        RstStreamFrame(1, error_code=CANCEL),
    ],
    ids=["ping", "settings", "no settings", "window", "priority", "no data", "unknown", "reset"],
)
def test_attack_frames_that_ask_for_nothing(stack: Stack, frame: Frame) -> None:
    """CVE-2019-9512, -9515, -9518 and their like: nginx compares what came with what was asked."""
    burst = frame.serialize() * BURST
    with Http2(stack) as connection:
        connection.send(connection.headers(1, post("/api/v1/accounts/login")))
        with suppress(OSError):  # closed while we were at it, as it should be
            for _ in range(FLOOD_BYTES // len(burst)):
                connection.socket.sendall(burst)
        connection.read_until()
        assert connection.is_closed
        assert connection.stream(1).status in {0, 400, 408}
    assert_serves_others(stack)


def test_twin_a_client_that_pings_and_sets_now_and_then(stack: Stack) -> None:
    with Http2(stack) as connection:
        for number in range(10):
            connection.send(
                PingFrame(opaque_data=b"12345678"),
                SettingsFrame(settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 100 + number}),
                WindowUpdateFrame(0, window_increment=1000),
                PriorityFrame(101, depends_on=0, stream_weight=1),
            )
        assert connection.ask(get()).status == 200
        connection.read_until(lambda: connection.pongs == 10)
        assert connection.pongs == 10


def test_attack_more_open_requests_than_are_allowed(stack: Stack) -> None:
    """Whatever the stream limit lets through, limit_conn holds to fifty."""
    asked, held = 200, 50
    with Http2(stack) as connection:
        login = post("/api/v1/accounts/login")
        connection.send(*[connection.headers(1 + 2 * number, login) for number in range(asked)])
        connection.read_until(
            lambda: sum(one.is_ended for one in connection.streams.values()) == asked - held
        )
        ended = [one for one in connection.streams.values() if one.is_ended]
        answered = [one for one in ended if one.status]
        assert {one.reset for one in ended if not one.status} <= {REFUSED_STREAM}
        assert {one.status for one in answered} == {429}
        assert_problem(answered[0].answer, 429, "rate-limited")
        assert connection.their_settings[SettingsFrame.MAX_CONCURRENT_STREAMS] == STREAMS_AT_ONCE
        assert_serves_others(stack)


def test_twin_as_many_requests_at_once_as_are_allowed(stack: Stack) -> None:
    streams = range(1, 81, 2)
    with Http2(stack) as connection:
        for stream in streams:
            connection.send(connection.headers(stream, get(), "END_STREAM"))
        assert [connection.wait_for(stream).status for stream in streams] == [200] * len(streams)


def test_attack_a_compressed_bomb_of_headers(stack: Stack) -> None:
    """One byte stands for four thousand, five thousand times over (CVE-2016-6581)."""
    long = ("x-a", "b" * 3_900)
    with Http2(stack) as connection:
        assert connection.ask(get("/healthz", long)).status == 200
        block = connection.block(get()) + connection.block([long]) * 5_000
        connection.send(HeadersFrame(3, data=block, flags=("END_HEADERS", "END_STREAM")))
        stream = connection.wait_for(3)
        assert stream.status in {0, 400}
        assert connection.goaway == ENHANCE_YOUR_CALM
    assert_serves_others(stack)


def test_attack_more_headers_than_are_allowed_by_http2(stack: Stack) -> None:
    many = [(f"x-{number}", "b" * 900) for number in range(30)]
    with Http2(stack) as connection:
        stream = connection.ask(get("/healthz", *many))
        assert connection.goaway == ENHANCE_YOUR_CALM or stream.status == 400
    assert_serves_others(stack)


def test_twin_as_many_headers_as_are_allowed_by_http2(stack: Stack) -> None:
    many = [(f"x-{number}", "b" * 900) for number in range(12)]
    with Http2(stack) as connection:
        assert connection.ask(get("/healthz", *many)).status == 200
