"""Refuses or slows what the policy refuses or slows, before the request is read further."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import ServiceError
from app.layers.bots.local.behaviour import Holding, Standing
from app.layers.bots.policy import Policy
from app.layers.bots.provider import CLEAR, Decision
from app.layers.logs import Event, log_event
from app.request_context import context_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.layers.bots.provider import Provider, Verdict
    from app.layers.bots.settings import BotsSettings


class BotRefused(ServiceError):
    """403: not for this client. Why is in the log: told, it would be a lesson."""

    status, slug, layer = 403, "forbidden", "bots"


class BotsMiddleware:
    """Judges every request, health checks included: the probes of orchestrators are known names.

    The provider is `app.state.bots`, the routes `app.state.bot_routes`.
    """

    def __init__(self, app: ASGIApp, settings: BotsSettings) -> None:
        self.app = app
        self.policy = Policy(settings)
        self.holding = Holding()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with `BotRefused`, or hold and pass on; tell the provider of the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        provider: Provider = scope["app"].state.bots
        verdict = await provider.judge(scope)
        if verdict is not CLEAR:
            await self._apply(verdict, scope)
        try:
            await self.app(scope, receive, send)
        except ServiceError as error:  # of a layer further in; answered outside of us
            provider.saw(scope, error.status)
            raise
        status = context_of(scope).status
        if status is not None:
            provider.saw(scope, status)

    async def _apply(self, verdict: Verdict, scope: Scope) -> None:
        route = scope["app"].state.bot_routes.policy(scope["method"], scope["path"])
        decided = self.policy.decide(verdict, route)
        if decided.decision is Decision.ALLOW:
            return
        enforced = self.policy.enforces(decided)
        refuses = decided.decision is Decision.REFUSE
        log_event(
            Event.BOT_REFUSED if refuses else Event.BOT_SLOWED,
            category=decided.category,
            enforced=enforced,
            reasons=list(decided.reasons),
        )
        if not enforced:
            return
        if refuses:
            raise BotRefused("This request was refused.")
        await self.holding.hold(Standing(decided.score))
