"""Clients that take their time, all at once: what each of them got in the end.

Each waits for the same few time limits of nginx, so together they take as long as the longest.
"""

from __future__ import annotations

import select
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperframe.frame import HeadersFrame, SettingsFrame

from tests.client_hello import ClientHello
from tests.raw import CHUNK, open_plain, open_tls, read_until_closed, request
from tests.raw_http2 import Http2, get, post

if TYPE_CHECKING:
    import socket

    from tests.lone_edge import LoneEdge

PATIENCE_SECONDS = 30.0
"""Three times nginx's longest limit, and half of what its defaults are."""

PAUSE_SECONDS = 0.25
POST_HEAD = request("/slow", "Content-Type: application/json", "Content-Length: 100", method="POST")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a slow client's connection ended."""

    received: bytes = b""
    is_over: bool = True
    """Whether nginx ended it; if not, it would have gone on."""


def _say(connection: socket.socket, said: bytes) -> Outcome:
    """Say something, then nothing, and read what comes until nginx closes."""
    with connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(said)
        try:
            return Outcome(read_until_closed(connection))
        except TimeoutError:
            return Outcome(is_over=False)


def _drip(connection: socket.socket, said: bytes) -> Outcome:
    """Say something and go on with a byte at a time, until nginx closes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with connection:
        connection.sendall(said)
        connection.settimeout(PAUSE_SECONDS)
        while time.monotonic() < deadline:
            try:
                connection.sendall(b"a")
                return Outcome(connection.recv(CHUNK))
            except TimeoutError:
                continue  # nothing to read yet: the next drop
            except OSError:
                return Outcome()
    return Outcome(is_over=False)


def _never_read(connection: socket.socket, said: bytes) -> Outcome:
    """Ask for something large and read none of it, until the connection is reset."""
    with connection:
        connection.sendall(said)
        watch = select.poll()
        watch.register(connection, 0)  # only hang-ups and errors
        return Outcome(is_over=bool(watch.poll(PATIENCE_SECONDS * 1000)))


def _http2(edge: LoneEdge, settings: dict[int, int], *, is_whole: bool) -> Outcome:
    with Http2(edge.stack, settings=settings) as connection:
        connection.socket.settimeout(PATIENCE_SECONDS)
        if is_whole:
            connection.send(connection.headers(1, get("/large"), "END_STREAM"))
        else:
            connection.send(HeadersFrame(1, data=connection.block(post("/slow"))[:10]))
        try:
            stream = connection.wait_for(1)
        except TimeoutError:
            return Outcome(is_over=False)
        return Outcome(stream.body)


def _idle_http2(edge: LoneEdge) -> Outcome:
    with Http2(edge.stack) as connection:
        connection.socket.settimeout(PATIENCE_SECONDS)
        try:
            connection.read_until()
        except TimeoutError:
            return Outcome(is_over=False)
        return Outcome()


def run_slow_clients(edge: LoneEdge) -> dict[str, Outcome]:
    """Let every kind of slow client try its luck, each from an address of its own."""
    stack = edge.stack
    head = b"GET /slow HTTP/1.1\r\nHost: localhost\r\nX: "
    kept = request("/slow").replace(b"Connection: close\r\n", b"")
    chunked = POST_HEAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked")
    window = {SettingsFrame.INITIAL_WINDOW_SIZE: 0}
    clients = {
        "says nothing": lambda: _say(open_plain(stack.https_port), b""),
        "says nothing on port 80": lambda: _say(open_plain(stack.http_port), b""),
        "says nothing after its handshake": lambda: _say(open_tls(stack), b""),
        "says half a handshake": lambda: _say(
            open_plain(stack.https_port), ClientHello().record()[:-10]
        ),
        "says half a header": lambda: _say(open_tls(stack), head),
        "drips a header": lambda: _drip(open_tls(stack), head),
        "drips a header on port 80": lambda: _drip(open_plain(stack.http_port), head),
        "says half a body": lambda: _say(open_tls(stack), POST_HEAD + b"{"),
        "says half a chunk": lambda: _say(open_tls(stack), chunked + b"64\r\n{"),
        "keeps its connection": lambda: _say(open_tls(stack), kept),
        "reads nothing": lambda: _never_read(open_tls(stack), request("/large")),
        "says nothing by HTTP/2": lambda: _idle_http2(edge),
        "says half a header by HTTP/2": lambda: _http2(edge, {}, is_whole=False),
        "opens no window by HTTP/2": lambda: _http2(edge, window, is_whole=True),
    }
    with ThreadPoolExecutor(len(clients)) as pool:
        running = {name: pool.submit(client) for name, client in clients.items()}
        return {name: future.result() for name, future in running.items()}
