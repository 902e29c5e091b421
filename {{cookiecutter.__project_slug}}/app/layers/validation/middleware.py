"""Bounds what stands around the body of every request."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from app.errors import Malformed
from app.layers.validation.refusals import TooManyHeaders, UnsupportedMediaType, UriTooLong
from app.request_headers import headers_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.layers.validation.settings import ValidationSettings


_ESCAPE = ord("%")
_BREAKS_LINES = frozenset({"Cc", "Zl", "Zp"})
"""Unicode's categories of what writes no sign, and of U+2028 and U+2029."""


def _check_escaped(path: bytes) -> None:
    """Refuse a path that is no text once it is unescaped.

    Servers put U+FFFD where it is no UTF-8, so that two paths become one; a line break in it goes
    to whoever writes the path down.
    """
    try:
        text = path.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise Malformed("The path is not UTF-8.") from error
    if any(unicodedata.category(sign) in _BREAKS_LINES for sign in text):
        raise Malformed("The path holds a control character.")


class ValidationMiddleware:
    """Bounds what stands around the body: path, query, header fields."""

    def __init__(self, app: ASGIApp, settings: ValidationSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a frame that is out of bounds; websockets too, since no endpoint takes them."""
        if scope["type"] == "http":
            self._check(scope)
        elif scope["type"] == "websocket":
            raise Malformed("There are no websockets here.")
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        limits = self.settings
        fields = scope["headers"]
        if len(fields) > limits.max_headers:
            raise TooManyHeaders("There are too many header fields.")
        size = 0
        for name, value in fields:
            size += len(name) + len(value)
        if size > limits.max_header_bytes:
            raise TooManyHeaders("The header fields are too long.")
        if len(scope["query_string"]) > limits.max_query_bytes:
            raise UriTooLong("The query is too long.")
        raw_path = scope["raw_path"]
        if len(raw_path) > limits.max_path_bytes:
            raise UriTooLong("The path is too long.")
        if _ESCAPE in raw_path or not raw_path.isascii():
            _check_escaped(unquote_to_bytes(raw_path))
        for coding in headers_of(scope).values(b"content-encoding"):
            if coding.strip().lower() != b"identity":
                raise UnsupportedMediaType("Compressed bodies are not read.")
