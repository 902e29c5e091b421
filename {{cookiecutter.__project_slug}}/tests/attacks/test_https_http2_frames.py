"""Attacks on layer 1 by HTTP/2 frames that break its rules, each of which ends the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hyperframe.frame import PriorityFrame, PushPromiseFrame, WindowUpdateFrame

from tests.raw_http2 import FLOW_CONTROL_ERROR, NO_ERROR, PREFACE, PROTOCOL_ERROR, Http2, get

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stack import Stack


def own_parent(connection: Http2) -> None:
    """A request that waits for itself (CVE-2019-9513's neighbour; RFC 9113 §5.3)."""
    frame = connection.headers(1, get(), "END_STREAM", "PRIORITY")
    frame.depends_on, frame.stream_weight = 1, 1
    connection.send(frame)


BREACHES = {
    "a request that depends on itself": (own_parent, {PROTOCOL_ERROR}),
    "a priority that depends on itself": (
        lambda connection: connection.send(PriorityFrame(3, depends_on=3)),
        {PROTOCOL_ERROR},
    ),
    "a stream of the server's own": (
        lambda connection: connection.send(connection.headers(2, get(), "END_STREAM")),
        {PROTOCOL_ERROR},
    ),
    "a stream that was used already": (
        lambda connection: [connection.ask(get()), connection.ask(get())],
        {PROTOCOL_ERROR},
    ),
    "a push by the client": (
        lambda connection: connection.send(
            PushPromiseFrame(1, promised_stream_id=2, flags=("END_HEADERS",))
        ),
        {PROTOCOL_ERROR},
    ),
    "a window beyond its limit": (
        lambda connection: connection.send(WindowUpdateFrame(0, window_increment=2**31 - 1)),
        {FLOW_CONTROL_ERROR},
    ),
    "an initial window beyond its limit": (
        lambda connection: connection.write(bytes.fromhex("000006040000000000 0004 80000000")),
        {FLOW_CONTROL_ERROR},
    ),
    "a window of nothing": (
        lambda connection: connection.write(bytes.fromhex("000004080000000000 00000000")),
        {PROTOCOL_ERROR},
    ),
    "frames below their least size": (
        lambda connection: connection.write(bytes.fromhex("000006040000000000 0005 00000001")),
        {PROTOCOL_ERROR},
    ),
}


@pytest.mark.parametrize(("breach", "codes"), BREACHES.values(), ids=BREACHES.keys())
def test_attack_a_frame_that_breaks_the_rules(
    stack: Stack, breach: Callable[[Http2], object], codes: set[int]
) -> None:
    with Http2(stack) as connection:
        breach(connection)
        connection.read_until()
        assert connection.goaway in codes
    assert stack.client(http2=True).get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "preface",
    [
        PREFACE.replace(b"SM", b"XX"),
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\0" * 24,
    ],
    ids=["another word", "HTTP/1.1", "zeros"],
)
def test_attack_a_bad_preface(stack: Stack, preface: bytes) -> None:
    with Http2(stack, preface=preface) as connection:
        connection.read_until()
        assert connection.goaway == PROTOCOL_ERROR
        assert not connection.streams
    assert stack.client(http2=True).get("/healthz").status_code == 200


def test_twin_a_good_preface_and_a_quiet_end(stack: Stack) -> None:
    with Http2(stack) as connection:
        assert connection.ask(get()).status == 200
        assert connection.goaway in {None, NO_ERROR}
