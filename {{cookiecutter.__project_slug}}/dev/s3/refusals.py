"""What a client is told when the gate refuses: S3's own error codes, as XML."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


class RefusedError(Exception):
    """One refusal.

    Args:
        status: HTTP status.
        code: S3's error code, e.g. `SignatureDoesNotMatch`.
        message: one sentence for the developer who reads it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = HTTPStatus(status)
        self.code = code
        self.message = message

    def answer(self, start_response: StartResponse, *, head: bool) -> list[bytes]:
        """Start the response and return its body; a HEAD gets the headers only."""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
            f"<RequestId>{secrets.token_hex(8).upper()}</RequestId></Error>"
        ).encode()
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{self.status.value} {self.status.phrase}", headers)
        return [] if head else [body]


def denied(message: str) -> RefusedError:
    """Return a 403 AccessDenied."""
    return RefusedError(403, "AccessDenied", message)


def not_offered(what: str) -> RefusedError:
    """Return a 501 for what S3 can do and this server leaves out."""
    return RefusedError(501, "NotImplemented", f"The embedded S3 does not offer {what}.")
