"""Arcjet's decision service on loopback: what the real SDK talks to in tests.

It speaks the Connect protocol with protobuf, as the real one does, keeps what it was asked, and
answers what a test chose.
"""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from arcjet.proto.decide.v1alpha1 import decide_pb2

from dev.runner import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Decide: Any = decide_pb2
"""Its names are made at run time."""
DECIDE = "/proto.decide.v1alpha1.DecideService/Decide"
REPORT = "/proto.decide.v1alpha1.DecideService/Report"


def allowed() -> Any:
    """Return the decision to let a request through."""
    return Decide.Decision(id="req_1", conclusion=Decide.CONCLUSION_ALLOW)


def _denied(reason: Any) -> Any:
    result = Decide.RuleResult(
        state=Decide.RULE_STATE_RUN, conclusion=Decide.CONCLUSION_DENY, reason=reason
    )
    return Decide.Decision(
        id="req_2",
        conclusion=Decide.CONCLUSION_DENY,
        reason=reason,
        rule_results=[result],
        ttl=60,
    )


def empty_bucket() -> Any:
    """Return the decision that a client has no tokens left."""
    reason = Decide.RateLimitReason(max=50, remaining=0, reset_in_seconds=6, window_in_seconds=60)
    return _denied(Decide.Reason(rate_limit=reason))


def spoofed() -> Any:
    """Return the decision that a client is not the search engine that it says it is."""
    bot = Decide.BotV2Reason(denied=["GOOGLE_CRAWLER"], spoofed=True)
    return _denied(Decide.Reason(bot_v2=bot))


@dataclass(slots=True)
class Stub:
    """The service. `decide` makes its answers; `gate` holds them back while it is clear."""

    url: str
    decide: Callable[[], Any] = allowed
    gate: threading.Event = field(default_factory=threading.Event)
    status: int = 200
    asked: list[Any] = field(default_factory=list)
    """Every request for a decision."""
    raw: list[bytes] = field(default_factory=list)
    """Every body, of reports too, and every header."""
    keys: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 5
    wbufsize = 65_536  # an answer in two packets would wait 40 ms for an acknowledgement

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Say nothing."""

    def do_POST(self) -> None:
        stub = self.server.stub
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        stub.raw.append(bytes(self.headers) + body)
        stub.keys.append(self.headers.get("Authorization"))
        if self.path == REPORT:
            self._answer(Decide.ReportResponse())
            return
        stub.asked.append(Decide.DecideRequest.FromString(body))
        stub.gate.wait(timeout=10)
        self._answer(Decide.DecideResponse(decision=stub.decide()))

    def _answer(self, message: Any) -> None:
        content = message.SerializeToString()
        with suppress(OSError):  # who asked may have gone
            self.send_response(self.server.stub.status)
            self.send_header("Content-Type", "application/proto")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stub: Stub


@contextmanager
def arcjet_stub() -> Iterator[Stub]:
    """Run the service."""
    with _Server((HOST, 0), _Handler) as server:
        server.stub = Stub(f"http://{HOST}:{server.server_address[1]}")
        server.stub.gate.set()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.stub
        finally:
            server.stub.gate.set()
            server.shutdown()
            thread.join()
