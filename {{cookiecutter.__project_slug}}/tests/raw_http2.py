"""HTTP/2 by hand, frame by frame, for connections that no library would hold."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import httpx
from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.raw import CHUNK, Answer, TlsServer, open_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from types import TracebackType

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD = 9
"""Bytes in front of a frame's body (RFC 9113 §4.1)."""

# Error codes of RFC 9113 §7, as far as tests name them.
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM = 0x0, 0x1, 0x3, 0x7
ENHANCE_YOUR_CALM = 0xB

Header = tuple[str, str]


def get(path: str = "/healthz", *more: Header, authority: str = "localhost") -> list[Header]:
    """Return the header list of an honest GET, and whatever is added to it."""
    return [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", authority),
        (":path", path),
        ("user-agent", "tests/1.0"),
        *more,
    ]


def post(path: str, *more: Header) -> list[Header]:
    """Return the header list of an honest POST of JSON."""
    return [(":method", "POST"), *get(path, ("content-type", "application/json"), *more)[1:]]


@dataclass(slots=True)
class Stream:
    """What came back on one stream."""

    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    is_ended: bool = False
    reset: int | None = None
    """The error code with which the other side gave it up."""

    @property
    def status(self) -> int:
        """The status of the answer; 0 if there is none."""
        return int(dict(self.headers).get(":status", 0))

    @property
    def answer(self) -> Answer:
        """The same as an answer of HTTP/1.1."""
        return Answer(self.status, httpx.Headers(self.headers), self.body)


class Http2:
    """One connection to nginx. What is sent is not checked; what is received is read along.

    Args:
        server: the nginx, alone or with the service behind it.
        source: the loopback address to come from; a fresh one if not said.
        preface: what is sent first; an honest client's preface if not said.
        settings: what the client says of itself, by the numbers of RFC 9113 §6.5.2.
    """

    def __init__(
        self,
        server: TlsServer,
        *,
        source: str | None = None,
        preface: bytes = PREFACE,
        settings: dict[int, int] | None = None,
    ) -> None:
        context = server.tls_context()
        context.set_alpn_protocols(["h2"])
        self.socket: ssl.SSLSocket = open_tls(server, context=context, source=source)
        self.streams: dict[int, Stream] = {}
        self.goaway: int | None = None
        self.last_stream: int | None = None
        self.pongs = 0
        self.their_settings: dict[int, int] = {}
        self.is_closed = False
        self._encoder, self._decoder = Encoder(), Decoder()
        self._unread = b""
        self._headers_of: dict[int, bytes] = {}
        self.write(preface)
        self.send(SettingsFrame(settings=settings or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    # Sending

    def write(self, data: bytes) -> None:
        """Send bytes, or not: if the other side has closed, what it said can still be read."""
        with suppress(OSError):
            self.socket.sendall(data)

    def send(self, *frames: Frame) -> None:
        """Send frames in one go, as they are."""
        self.write(b"".join(frame.serialize() for frame in frames))

    def block(self, headers: Sequence[Header]) -> bytes:
        """Return a header block, compressed in this connection's state."""
        return self._encoder.encode(
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        )

    def headers(self, stream: int, headers: Sequence[Header], *flags: str) -> HeadersFrame:
        """Return a HEADERS frame that holds the whole list."""
        return HeadersFrame(stream, data=self.block(headers), flags=("END_HEADERS", *flags))

    def ask(self, headers: Sequence[Header], stream: int = 1, body: bytes | None = None) -> Stream:
        """Send a request and return what came back, once its stream or the connection ended."""
        if body is None:
            self.send(self.headers(stream, headers, "END_STREAM"))
        else:
            data = DataFrame(stream, data=body, flags=("END_STREAM",))
            self.send(self.headers(stream, headers), data)
        return self.wait_for(stream)

    # Receiving

    def wait_for(self, stream: int) -> Stream:
        """Read until a stream has ended, or the connection has; return the stream."""
        self.read_until(lambda: self.stream(stream).is_ended)
        return self.stream(stream)

    def stream(self, number: int) -> Stream:
        """Return what is known of a stream."""
        return self.streams.setdefault(number, Stream())

    def read_until(self, condition: Callable[[], bool] = lambda: False) -> None:
        """Read frames until something is true of them or the connection ends."""
        while not condition() and not self.is_closed:
            self._read()

    def _read(self) -> None:
        try:
            piece = self.socket.recv(CHUNK)
        except ConnectionError:
            piece = b""
        self.is_closed = not piece
        self._unread += piece
        while len(self._unread) >= FRAME_HEAD:
            frame, length = Frame.parse_frame_header(memoryview(self._unread[:FRAME_HEAD]))
            if len(self._unread) < FRAME_HEAD + length:
                return
            frame.parse_body(memoryview(self._unread[FRAME_HEAD : FRAME_HEAD + length]))
            self._unread = self._unread[FRAME_HEAD + length :]
            self._note(frame)

    def _note(self, frame: Frame) -> None:
        if isinstance(frame, GoAwayFrame):
            self.goaway, self.last_stream = frame.error_code, frame.last_stream_id
        elif isinstance(frame, PingFrame):
            self.pongs += 1
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.their_settings.update(frame.settings)
            self.send(SettingsFrame(flags=("ACK",)))
        elif isinstance(frame, RstStreamFrame):
            stream = self.stream(frame.stream_id)
            stream.reset, stream.is_ended = frame.error_code, True
        elif isinstance(frame, HeadersFrame | DataFrame):
            self._note_answer(frame)

    def _note_answer(self, frame: HeadersFrame | DataFrame) -> None:
        stream = self.stream(frame.stream_id)
        if isinstance(frame, HeadersFrame):
            stream.headers += [
                (str(name), str(value)) for name, value in self._decoder.decode(frame.data)
            ]
        else:
            stream.body += frame.data
            self._give_back(frame)
        stream.is_ended |= "END_STREAM" in frame.flags

    def _give_back(self, frame: DataFrame) -> None:
        """Let the other side send as much again. A test that wants to be slow does not read."""
        if frame.flow_controlled_length:
            size = frame.flow_controlled_length
            self.send(
                WindowUpdateFrame(0, window_increment=size),
                WindowUpdateFrame(frame.stream_id, window_increment=size),
            )
