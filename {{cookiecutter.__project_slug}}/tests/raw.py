"""HTTP by hand, for requests that no library would send."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from app.layers.headers import HeadersSettings, policy
from tests.stack import PATIENCE_SECONDS, fresh_source

if TYPE_CHECKING:
    import ssl

HOST = "127.0.0.1"
CHUNK = 65_536
SECURITY_HEADERS = {
    name.decode(): value.decode() for name, value in policy(HeadersSettings()).items()
}


class TlsServer(Protocol):
    """An nginx, alone or with the service behind it."""

    @property
    def https_port(self) -> int:
        """Its TLS port on 127.0.0.1."""

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that trusts its certificate."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as it came. A connection that was closed without one has status 0."""

    status: int
    headers: httpx.Headers
    """A header that came twice has both values here, so it equals neither."""
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


def parse(received: bytes) -> Answer:
    """Return the first answer in what was received."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if not first:
        return Answer(0, httpx.Headers(), b"")
    pairs = (line.partition(":") for line in lines)
    headers = httpx.Headers([(name.strip(), value.strip()) for name, _, value in pairs])
    return Answer(int(first.split(" ")[1]), headers, body)


def open_plain(port: int, source: str | None = None) -> socket.socket:
    """Return a connection to a port on 127.0.0.1 from this loopback address, or a fresh one."""
    return socket.create_connection(
        (HOST, port), timeout=PATIENCE_SECONDS, source_address=(source or fresh_source(), 0)
    )


def open_tls(
    server: TlsServer,
    name: str | None = "localhost",
    context: ssl.SSLContext | None = None,
    source: str | None = None,
) -> ssl.SSLSocket:
    """Return a TLS connection to nginx that asks for this server name."""
    if context is None:
        context = server.tls_context()
    if name is None:
        context.check_hostname = False
    plain = open_plain(server.https_port, source)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def read_until_closed(connection: socket.socket) -> bytes:
    """Return everything until the other side closes, politely or not."""
    received = b""
    try:
        while piece := connection.recv(CHUNK):
            received += piece
    except ConnectionError:
        return received
    return received


def ask(connection: socket.socket, request: bytes) -> Answer:
    """Send bytes, read until the connection is closed, return the first answer.

    The request must make the server close: with `Connection: close`, or by being refused.
    """
    with connection:
        with suppress(ConnectionError):  # refused before it was all sent; the answer may be there
            connection.sendall(request)
        return parse(read_until_closed(connection))


def request(
    target: str = "/healthz",
    *headers: str,
    method: str = "GET",
    host: str | None = "localhost",
    body: bytes = b"",
) -> bytes:
    """Return a request that closes the connection, with header lines exactly as they are given."""
    lines = [f"{method} {target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += ["User-Agent: tests/1.0", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def assert_problem(
    answer: Answer | httpx.Response, status: int, slug: str, *, is_plain: bool = False
) -> None:
    """Assert that the answer is a problem of ours, with every security header, each once.

    Over plain HTTP there is no HSTS: it means nothing there (RFC 6797 §7.2).
    """
    if isinstance(answer, httpx.Response):
        answer = Answer(answer.status_code, answer.headers, answer.content)
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["type"]) == (status, f"urn:problem:{slug}")
    assert body["request_id"] == answer.headers["x-request-id"]
    expected: dict[str, str | None] = dict(SECURITY_HEADERS)
    if is_plain:
        expected["strict-transport-security"] = None
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert answer.headers.get("server") in {None, "nginx"}
