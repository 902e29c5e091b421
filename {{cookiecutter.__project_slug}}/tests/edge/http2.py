"""One request over HTTP/2 by a client that lets its stream end after GOAWAY (RFC 9113 §6.8).

The Python libraries give up everything on a connection when it announces its end, so with them no
test could see that nginx goes on with what it has begun.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpack import Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.stack import PATIENCE_SECONDS

if TYPE_CHECKING:
    from io import BufferedReader

    from tests.edge.running import Edge

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
WINDOW = 1 << 24


@dataclass(frozen=True, slots=True)
class Received:
    """What came back: the body of the one stream, and whether the connection announced its end."""

    body: bytes
    is_whole: bool
    is_leaving: bool
    was_begun: bool = True
    """False: the other side says that it left before this request, which can be sent again."""


def get(edge: Edge, path: str) -> Received:
    """Ask for a path; again, as browsers do, if the connection left before it began to answer."""
    while not (received := _get(edge, path)).was_begun:
        continue
    return received


def _get(edge: Edge, path: str) -> Received:
    context = edge.tls_context()
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", edge.https), PATIENCE_SECONDS)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        asked = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", f"localhost:{edge.https}"),
            (":path", path),
        ]
        frames = (
            SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: WINDOW}),
            WindowUpdateFrame(0, window_increment=WINDOW),
            HeadersFrame(1, data=Encoder().encode(asked), flags=("END_HEADERS", "END_STREAM")),
        )
        connection.sendall(PREFACE + b"".join(frame.serialize() for frame in frames))
        with connection.makefile("rb") as stream:
            return _read(stream)


def _read(stream: BufferedReader) -> Received:
    body, is_leaving, was_begun = b"", False, True
    while head := stream.read(HEAD_BYTES):
        frame, length = Frame.parse_frame_header(memoryview(head))
        frame.parse_body(memoryview(stream.read(length)))
        if isinstance(frame, GoAwayFrame):
            is_leaving, was_begun = True, frame.last_stream_id >= 1
        if isinstance(frame, DataFrame):
            body += frame.data
        if frame.stream_id == 1 and "END_STREAM" in frame.flags:
            return Received(body, is_whole=True, is_leaving=is_leaving)
    return Received(body, is_whole=False, is_leaving=is_leaving, was_begun=was_begun)
