"""An application behind the edge that ends an answer only when the test lets it."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event

from dev.runner import HOST, free_port
from tests.stack import PATIENCE_SECONDS

HALF = b"h" * 200_000
"""More than nginx collects before it begins to answer."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Application

    def do_GET(self) -> None:
        """Answer at once; on /slow, the second half only when the test lets it go."""
        body = HALF * 2 if self.path == "/slow" else b"here"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/slow":
            self.wfile.write(HALF)
            self.server.begun.set()
            self.server.may_end.wait(PATIENCE_SECONDS)
            body = HALF
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Application(ThreadingHTTPServer):
    """What nginx hands requests on to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, free_port()), _Answers)
        self.begun = Event()
        self.may_end = Event()
