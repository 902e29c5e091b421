"""Refuses the programs that the policy refuses, before their request is read further."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import ServiceError
from app.layers.bots.judge import Judge
from app.layers.logs import Event, log_event
from app.request_context import context_of
from app.request_headers import headers_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.layers.bots.settings import BotsSettings


class BotRefused(ServiceError):
    """403: not for this client. Why is in the log: told, it would be a lesson."""

    status, slug, layer = 403, "forbidden", "bots"


class BotsMiddleware:
    """Judges every request, health checks included: the probes of orchestrators are known names."""

    def __init__(self, app: ASGIApp, settings: BotsSettings) -> None:
        self.app = app
        self.judge = Judge(settings).judge
        self.enforces = settings.mode == "enforce"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with `BotRefused` or pass on."""
        if scope["type"] == "http":
            verdict = self.judge(
                headers_of(scope),
                context_of(scope).client,
                encrypted=scope["scheme"] == "https",
            )
            if verdict.refused:
                log_event(Event.BOT_REFUSED, category=verdict.category, enforced=self.enforces)
                if self.enforces:
                    raise BotRefused("This request was refused.")
        await self.app(scope, receive, send)
