"""Bounds what stands around the body of every request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import Malformed
from app.layers.validation.refusals import TooManyHeaders, UnsupportedMediaType, UriTooLong
from app.request_headers import headers_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.layers.validation.settings import ValidationSettings


class ValidationMiddleware:
    """Bounds what stands around the body: path, query, header fields."""

    def __init__(self, app: ASGIApp, settings: ValidationSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a frame that is out of bounds; websockets too, since no endpoint takes them."""
        if scope["type"] == "websocket":
            raise Malformed("There are no websockets here.")
        if scope["type"] == "http":
            self._check(scope)
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        limits = self.settings
        if len(scope["headers"]) > limits.max_headers:
            raise TooManyHeaders("There are too many header fields.")
        if len(scope["query_string"]) > limits.max_query_bytes:
            raise UriTooLong("The query is too long.")
        if len(scope["raw_path"]) > limits.max_path_bytes:
            raise UriTooLong("The path is too long.")
        if "\x00" in scope["path"]:
            raise Malformed("The path holds a NUL.")
        encodings = headers_of(scope).values(b"content-encoding")
        if any(value.strip().lower() != b"identity" for value in encodings):
            raise UnsupportedMediaType("Compressed bodies are not read.")
