"""The outermost layer: gives a request its id and context, and writes its line at the end."""

from __future__ import annotations

import re
import secrets
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from app.layers.logs.emit import request_fields
from app.layers.logs.events import Event
from app.layers.logs.pipeline import pipeline
from app.request_context import SCOPE_KEY, RequestContext, current
from app.request_headers import headers_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from app.layers.logs.events import Level
    from app.layers.logs.settings import LogsSettings

_is_request_id = re.compile(rb"[0-9a-f]{32}").fullmatch
_REQUEST = Event.REQUEST.value
_MAX_TEXT = 512  # characters of a path or a user agent
_SERVER_ERROR = 500
_REFUSAL = 400


class Exchange:
    """What happened to one request, as seen from outside of everything else."""

    __slots__ = ("body_bytes", "context", "error", "is_complete", "left_early", "started", "status")

    def __init__(self, context: RequestContext) -> None:
        self.context = context
        self.started = perf_counter_ns()
        self.status: int | None = None
        self.body_bytes = 0
        self.is_complete = False
        self.left_early = False
        """The client was gone before the answer was."""
        self.error: BaseException | None = None

    @property
    def outcome(self) -> str:
        """Return `event.outcome`: unknown when nobody was there to get the answer."""
        if self.left_early:
            return "unknown"
        is_success = self.is_complete and self.status is not None and self.status < _REFUSAL
        return "success" if is_success else "failure"


class LogsMiddleware:
    """Makes the `RequestContext`, echoes `X-Request-ID`, writes one line for every request."""

    def __init__(self, app: ASGIApp, settings: LogsSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch the request pass; write its line however it ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, agent = _read_headers(scope)
        # The peer, until layer 1 knows whom it speaks for.
        context = RequestContext(request_id, scope["client"][0] if scope["client"] else "unknown")
        scope[SCOPE_KEY] = context
        exchange = Exchange(context)
        echo = (b"x-request-id", request_id.encode("ascii"))

        async def watch_receive() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not exchange.is_complete:
                exchange.left_early = True
            return message

        async def watch_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = context.status = message["status"]
                message["headers"] = [*message.get("headers", ()), echo]
            elif message["type"] == "http.response.body":
                exchange.body_bytes += len(message.get("body", b""))
                exchange.is_complete = not message.get("more_body", False)
            await send(message)

        token = current.set(context)
        try:
            await self.app(scope, watch_receive, watch_send)
        except BaseException as error:
            exchange.error = error
            raise
        finally:
            current.reset(token)
            _write_line(scope, exchange, agent)


def _read_headers(scope: Scope) -> tuple[str, str | None]:
    """Return the request's id, nginx's if it is one, and the user agent."""
    headers = headers_of(scope)
    ids, agents = headers.values(b"x-request-id"), headers.values(b"user-agent")
    agent = agents[-1][:_MAX_TEXT].decode("utf-8", "replace") if agents else None
    if len(ids) == 1 and _is_request_id(ids[0]):
        return ids[0].decode("ascii"), agent
    return secrets.token_hex(16), agent


def _write_line(scope: Scope, exchange: Exchange, agent: str | None) -> None:
    """Write the access line. Never the query: its values are the client's, and may be secrets."""
    status = exchange.status
    if status is None and isinstance(exchange.error, Exception):
        status = _SERVER_ERROR  # the server's answer when the application raised; none if cancelled
    level: Level = "ERROR" if status is not None and status >= _SERVER_ERROR else "INFO"
    known: dict[str, Any] = {
        "message": _REQUEST,
        "event.action": _REQUEST,
        "event.duration": perf_counter_ns() - exchange.started,
        "event.outcome": exchange.outcome,
        **request_fields(exchange.context),
        "http.response.status_code": status,
        "http.response.body.bytes": exchange.body_bytes,
        # As far as routing came; a prefix given to `include_router` is not in it.
        "http.route": getattr(scope.get("route"), "path", None),
    }
    if exchange.context.refused_by is not None:
        known["app.refused_by"] = exchange.context.refused_by
    if exchange.error is not None:
        known["error.type"] = type(exchange.error).__qualname__
    theirs = {
        "http.request.method": scope["method"],
        "url.path": scope["path"][:_MAX_TEXT],
        "user_agent.original": agent,
    }
    pipeline.write(level, known, theirs)
