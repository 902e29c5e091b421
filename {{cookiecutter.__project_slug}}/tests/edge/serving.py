"""nginx with any values of the edge, before an application that says what reached it."""

from __future__ import annotations

import json
import socketserver
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from dev.certificates import ensure_certificates
from dev.edge import render
from dev.processes import ROOT, UNIX, Service, edge_values, nginx, prepare
from dev.runner import running
from tests.raw import Answer, open_plain, open_tls, parse, read_until_closed, request
from tests.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

BALANCER = "127.0.0.2"
"""The address that tests give to a load balancer before the edge."""
STRANGER = "127.0.0.3"


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits for an acknowledgement

    def do_GET(self) -> None:
        """Answer with the request's headers, and with a few that nginx must leave alone."""
        body = json.dumps(self.headers.items()).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Vary", "Origin")
        self.send_header("Cache-Control", "public, max-age=5")
        self.send_header("Alt-Svc", 'h3="evil.example:443"')
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """Return no address: on a Unix socket there is none."""
        return "-"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@dataclass(frozen=True, slots=True)
class Edge:
    """A running edge."""

    stack: Stack
    """For raw connections and the access log; only nginx answers there."""

    def ask(self, *headers: str, source: str | None = None, first: bytes = b"") -> Answer:
        """Send one GET over TLS, with bytes before the handshake if any are given."""
        context = self.stack.tls_context()
        with open_plain(self.stack.https_port, source) as plain:
            plain.sendall(first)
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(request("/x", *headers))
                return parse(read_until_closed(connection))

    def seen_client(self, *headers: str, source: str | None = None, first: bytes = b"") -> str:
        """Return whom the application is told it speaks with: one address, said once."""
        answer = self.ask(*headers, source=source, first=first)
        assert answer.status == 200, answer
        told = [value for name, value in answer.json() if name.lower() == "x-forwarded-for"]
        real = [value for name, value in answer.json() if name.lower() == "x-real-ip"]
        assert told == real
        (client,) = told
        assert isinstance(client, str)
        return client

    def flood(self, *headers: str, source: str, count: int = 400) -> list[bytes]:
        """Send many requests on one connection; return the status of each answer."""
        lines = "".join(f"{header}\r\n" for header in headers)
        one = f"GET /x HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()
        with open_tls(self.stack, source=source) as connection:
            connection.sendall(one * count + request("/x", *headers))
            received = read_until_closed(connection)
        return [piece[:3] for piece in received.split(b"HTTP/1.1 ")[1:]]


def _application(bind: str) -> socketserver.BaseServer:
    if bind.startswith(UNIX):
        server = _Unix(bind.removeprefix(UNIX), _Echo)
        Path(bind.removeprefix(UNIX)).chmod(0o660)  # as gunicorn makes it
        return server
    host, _, port = bind.rpartition(":")
    return _Tcp((host, int(port)), _Echo)


@contextmanager
def configured_edge(folder: Path, *, has_application: bool = True, **values: str) -> Iterator[Edge]:
    """Run nginx with these values (`dev.edge.EdgeValues`) until the block ends.

    Raises:
        ProcessError: it did not start, or a value is refused.
    """
    certificates = ensure_certificates(folder / "certificates")
    settings = {"SERVER__BIND": values["upstream"]} if "upstream" in values else {}
    service = Service(run=folder / "run", certificates=certificates, settings=settings)
    prepare(service)
    chosen: dict[str, Any] = {**values}
    render(ROOT / "edge", service.run, replace(edge_values(service), **chosen))
    with ExitStack() as cleanup:
        if has_application:
            server = _application(service.environment["SERVER__BIND"])
            cleanup.callback(server.server_close)
            thread = Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            cleanup.callback(thread.join)
            cleanup.callback(server.shutdown)
        (process,) = cleanup.enter_context(running((nginx(service),), service.run))
        process.wait_until_ready()
        stack = Stack(service, certificates.authority, {process.name: process.pid})
        cleanup.callback(stack.close)
        stack.mark()
        yield Edge(stack)
