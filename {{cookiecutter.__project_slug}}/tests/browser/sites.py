"""Web sites on loopback that are not ours, and the way by which the browser comes to us."""

from __future__ import annotations

import selectors
import socket
import ssl
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from dev.runner import HOST
from tests.stack import PATIENCE_SECONDS, fresh_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socketserver import TCPServer

    from dev.certificates import CertificateFiles

CHUNK = 65_536
PAGE = b"<!doctype html><title>a site</title><p id=own>a page of this site</p>"
PIXEL = b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"
FILES = {
    "/": ("text/html", PAGE),
    "/pixel.svg": ("image/svg+xml", PIXEL),
    "/favicon.ico": ("image/svg+xml", PIXEL),
    "/script.js": ("text/javascript", b"document.documentElement.dataset.ran = 'theirs'"),
}


class Site(ThreadingHTTPServer):
    """A small web site over HTTPS. `asked` has the path of every request."""

    daemon_threads = True

    def __init__(self, name: str, certificates: CertificateFiles) -> None:
        super().__init__((HOST, 0), _SiteHandler)
        self.name = name
        self.origin = f"https://{name}"
        self.asked: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        # The handshake is left to each connection's own thread: a browser opens some for later.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )


class _SiteHandler(BaseHTTPRequestHandler):
    server: Site
    timeout = PATIENCE_SECONDS

    def handle(self) -> None:
        """Answer; whoever hangs up meanwhile wanted nothing."""
        with suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        """Answer any origin: what a page may load is up to its own policy."""
        if self.path != "/favicon.ico":  # browsers ask for it when they like
            self.server.asked.append(self.path)
        media_type, content = FILES.get(self.path, ("text/plain", b""))
        self.send_response(200 if content else 404)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the same

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class Doorway(ThreadingTCPServer):
    """Leads to nginx from an address that each test has for itself.

    A browser comes from 127.0.0.1 only: all tests would share one client's limits.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__((HOST, 0), _DoorwayHandler)
        self.service = port
        self.source = fresh_source()


class _DoorwayHandler(BaseRequestHandler):
    server: Doorway

    def handle(self) -> None:
        """Carry bytes both ways until one side has no more."""
        with (
            suppress(OSError),
            socket.create_connection(
                (HOST, self.server.service), source_address=(self.server.source, 0)
            ) as service,
            # Not select(): it knows no file beyond the 1,024th, and a long run has more open.
            selectors.DefaultSelector() as ready,
        ):
            ready.register(self.request, selectors.EVENT_READ, service)
            ready.register(service, selectors.EVENT_READ, self.request)
            while True:
                for end, _ in ready.select():
                    source: Any = end.fileobj
                    if not (piece := source.recv(CHUNK)):
                        return
                    end.data.sendall(piece)


@contextmanager
def served(server: TCPServer) -> Iterator[None]:
    """Serve until the block ends."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
