"""A service of one layer: what unit tests of middlewares send requests to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware

from app.errors import ErrorBoundary, install_error_handlers
from app.request_context import SCOPE_KEY, RequestContext

if TYPE_CHECKING:
    import pytest
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENT = "192.0.2.1"


class _Context:
    """Stands for the layers further out, which find out who the client is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = RequestContext(request_id="0" * 32, client=scope["client"][0])
            scope[SCOPE_KEY] = context

        async def note_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
            await send(message)

        await self.app(scope, receive, note_status)


def small_app(*layers: Middleware, **state: Any) -> FastAPI:
    """Return an application with these layers and errors handled as in the service."""
    outside = [Middleware(_Context), Middleware(ErrorBoundary)]
    app = FastAPI(middleware=[*outside, *layers], redirect_slashes=False, openapi_url=None)
    install_error_handlers(app)
    for name, value in state.items():
        setattr(app.state, name, value)
    return app


def logged_by(module: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that fills with the events that a module logs from now on."""
    logged: list[dict[str, Any]] = []

    def note(event: str, **fields: Any) -> None:
        logged.append({"event": str(event), **fields})

    monkeypatch.setattr(f"{module}.log_event", note)
    return logged


def client_of(app: FastAPI, address: str = CLIENT, **headers: str) -> httpx.AsyncClient:
    """Return a client that comes from this address."""
    transport = httpx.ASGITransport(app, client=(address, 1), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://api.example", headers=headers)
