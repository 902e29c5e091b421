"""HTTP/3 over a UDP socket of our own, for connections and requests that no client would send."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from aioquic.h3.connection import FrameType, H3Connection, encode_frame
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamReset,
)
from aioquic.quic.logger import QuicLogger
from pylsqpack import Encoder

from tests.raw import HOST
from tests.raw_http2 import Header, Stream
from tests.stack import PATIENCE_SECONDS, Stack, fresh_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from aioquic.tls import SessionTicket

DATAGRAM_BYTES = 2048
"""More than any QUIC packet on loopback that we allow the other side to send."""

CRYPTO_ERROR = 0x100
"""A TLS alert as an error of QUIC: this and the alert's number (RFC 9001 §4.8)."""

# Error codes of RFC 9114 §8.1, as far as tests name them.
EXCESSIVE_LOAD, REQUEST_CANCELLED = 0x107, 0x10C


def open_udp(port: int, source: str | None = None) -> socket.socket:
    """Return a UDP socket that only talks to a port on 127.0.0.1; a closed port is refused."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(PATIENCE_SECONDS)
    udp.bind((source or fresh_source(), 0))
    udp.connect((HOST, port))
    return udp


def headers_frame(headers: Sequence[Header]) -> bytes:
    """Return a whole HEADERS frame, to be sent in pieces."""
    _, block = Encoder().encode(0, raw(headers))
    return encode_frame(FrameType.HEADERS, block)


def raw(headers: Sequence[Header]) -> list[tuple[bytes, bytes]]:
    """Return the bytes of a header list, whatever they are."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class Http3:
    """One connection to nginx. What is sent is not checked; what is received is read along.

    Args:
        stack: the service.
        source: the loopback address to come from; a fresh one if not said.
        name: the server name it asks for, or none.
        ticket: of an earlier connection, to go on with its session.
        token: of an earlier connection, to prove the address with.
        idle_seconds: after which both sides forget the connection.
    """

    def __init__(  # noqa: PLR0913 - what may differ between two clients
        self,
        stack: Stack,
        *,
        source: str | None = None,
        name: str | None = "localhost",
        ticket: SessionTicket | None = None,
        token: bytes = b"",
        idle_seconds: float = 60.0,
    ) -> None:
        self.streams: dict[int, Stream] = {}
        self.tickets: list[SessionTicket] = []
        self.tokens: list[bytes] = []
        self.handshake: HandshakeCompleted | None = None
        self.end: ConnectionTerminated | None = None
        self._logger = QuicLogger()
        configuration = QuicConfiguration(
            alpn_protocols=["h3"],
            server_name=name,
            session_ticket=ticket,
            token=token,
            idle_timeout=idle_seconds,
            quic_logger=self._logger,
        )
        configuration.load_verify_locations(cafile=str(stack.ca_file))
        self.quic = QuicConnection(
            configuration=configuration,
            session_ticket_handler=self.tickets.append,
            token_handler=self.tokens.append,
        )
        self.socket = open_udp(stack.https_port, source)
        self.quic.connect(self.socket.getpeername(), now=time.monotonic())
        self.h3 = H3Connection(self.quic)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.quic.close()
        self.flush()
        self.socket.close()

    def _logged(self, event: str) -> list[dict[str, Any]]:
        events = self._logger.to_dict()["traces"][0]["events"]
        return [one["data"] for one in events if one["name"] == event]

    @property
    def packets(self) -> list[str]:
        """The types of the packets that came, in order, as qlog names them."""
        received = self._logged("transport:packet_received")
        return [one["header"]["packet_type"] for one in received]

    @property
    def their_parameters(self) -> dict[str, Any]:
        """What the other side allows us, as qlog names it."""
        (said,) = (
            one for one in self._logged("transport:parameters_set") if one["owner"] == "remote"
        )
        return said

    # Sending

    def flush(self) -> None:
        """Send what is waiting. The other side may be gone: what it said can still be read."""
        for datagram, _ in self.quic.datagrams_to_send(now=time.monotonic()):
            with suppress(ConnectionError):
                self.socket.send(datagram)

    def first_datagrams(self) -> list[bytes]:
        """Return what opens the connection, for somebody else to send."""
        return [datagram for datagram, _ in self.quic.datagrams_to_send(now=time.monotonic())]

    def move(self, source: str) -> None:
        """Go on from another address."""
        port = self.socket.getpeername()[1]
        self.socket.close()
        self.socket = open_udp(port, source)

    def start(self, headers: Sequence[Header], *, end: bool = True) -> int:
        """Put a request's header list on a new stream, as it is; return the stream's number."""
        number = self.quic.get_next_available_stream_id()
        self.h3.send_headers(number, raw(headers), end_stream=end)
        return number

    def ask(self, headers: Sequence[Header], body: bytes | None = None) -> Stream:
        """Send a request and return what came back, once its stream or the connection ended."""
        number = self.start(headers, end=body is None)
        if body is not None:
            self.h3.send_data(number, body, end_stream=True)
        return self.wait_for(number)

    # Receiving

    def shake_hands(self) -> HandshakeCompleted | None:
        """Finish the handshake; None if the other side ended it."""
        self.read_until(lambda: self.handshake is not None)
        return self.handshake

    def wait_for(self, stream: int) -> Stream:
        """Read until a stream has ended, or the connection has; return the stream."""
        self.read_until(lambda: self.stream(stream).is_ended)
        return self.stream(stream)

    def stream(self, number: int) -> Stream:
        """Return what is known of a stream."""
        return self.streams.setdefault(number, Stream())

    def read_until(
        self, condition: Callable[[], bool] = lambda: False, seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Exchange packets until something is true of them or the connection ends.

        Raises:
            TimeoutError: neither came in time.
        """
        deadline = time.monotonic() + seconds
        self.flush()
        while not condition() and self.end is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"neither an answer nor an end within {seconds} s")
            self._read(deadline)
            while (event := self.quic.next_event()) is not None:
                self._note(event)
            self.flush()

    def _read(self, deadline: float) -> None:
        timer = min(self.quic.get_timer() or deadline, deadline)
        self.socket.settimeout(max(0.001, timer - time.monotonic()))
        try:
            datagram = self.socket.recv(DATAGRAM_BYTES)
        except TimeoutError:
            self.quic.handle_timer(now=time.monotonic())
        else:
            self.quic.receive_datagram(datagram, self.socket.getpeername(), now=time.monotonic())

    def _note(self, event: QuicEvent) -> None:
        if isinstance(event, HandshakeCompleted):
            self.handshake = event
        elif isinstance(event, ConnectionTerminated):
            self.end = event
        elif isinstance(event, StreamReset):
            stream = self.stream(event.stream_id)
            stream.reset, stream.is_ended = event.error_code, True
        elif isinstance(event, StopSendingReceived):
            return  # it wants no more of a body; its answer may still come
        for happened in self.h3.handle_event(event):
            self._note_answer(happened)

    def _note_answer(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            stream = self.stream(event.stream_id)
            stream.headers += [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers
            ]
            stream.is_ended |= event.stream_ended
        elif isinstance(event, DataReceived):
            stream = self.stream(event.stream_id)
            stream.body += event.data
            stream.is_ended |= event.stream_ended
