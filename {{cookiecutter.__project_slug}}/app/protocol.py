"""uvicorn's HTTP protocol with one change: what it can't parse is answered like all else.

No layer sees such a request, so uvicorn's own answer would be the one that leaves naked: plain
text, without a single header of ours, and without a line in the log.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import Malformed, problem_body
from app.layers.headers import policy
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from app.layers.headers import HeadersSettings


def protocol_with(settings: HeadersSettings) -> type[HttpToolsProtocol]:
    """Return the protocol; what it can't parse is answered with these headers."""
    dress = b"".join(name + b": " + value + b"\r\n" for name, value in policy(settings).items())

    class Protocol(HttpToolsProtocol):
        def send_400_response(self, msg: str) -> None:
            """Answer with a problem, and close: nobody knows where the next request begins."""
            del msg
            request_id = secrets.token_hex(16)
            told: dict[str, Any] = {"http.request.id": request_id}
            told["http.response.status_code"] = Malformed.status
            log_event(Event.INPUT_VALIDATION_FAIL, reason="unparsable", **told)
            detail = "The request is not well formed."
            body = problem_body(Malformed.status, Malformed.slug, detail, request_id)
            head = (
                "HTTP/1.1 400 Bad Request\r\n"
                "content-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\n"
                f"x-request-id: {request_id}\r\n"
                "vary: Origin\r\n"
                "connection: close\r\n"
            )
            self.transport.write(head.encode("ascii") + dress + b"\r\n" + body)
            self.transport.close()

    return Protocol
