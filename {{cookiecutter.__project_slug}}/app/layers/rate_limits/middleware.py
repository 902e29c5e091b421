"""Counts every request before routing, and tells of the limits on every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import ServiceError
from app.layers.rate_limits.engine import rate_limits_of
from app.layers.rate_limits.outcomes import OUTCOMES_KEY, headers_for, refuse_excess
from app.layers.rate_limits.policies import Hit, client_key, parse_policies
from app.request_context import context_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from app.layers.rate_limits.outcomes import Outcome
    from app.layers.rate_limits.settings import RateLimitsSettings

UNCOUNTED = frozenset({"/healthz", "/readyz"})
"""What is asked every few seconds from one address, by design. Exact: all that merely looks like
an API path, or like one of these, counts."""

POLICY_VIOLATION = 1008
"""RFC 6455 §7.4.1."""


class RateLimitsMiddleware:
    """Counts each request against its client, whatever its path, method and fate."""

    def __init__(self, app: ASGIApp, settings: RateLimitsSettings) -> None:
        self.app = app
        self.policies = parse_policies("per-client", settings.per_client)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, refuse with `RateLimited` or pass on, and dress the answer."""
        if scope["type"] == "websocket":
            # No layer looks at what comes through one, and no limit would count it. The server
            # answers 403. None gets here as shipped: it speaks none (gunicorn.conf.py), and a route
            # for one has no policy, so nothing starts with it.
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self.app(scope, receive, send)
            return
        client = client_key(context_of(scope).client)
        outcomes: list[Outcome] = await rate_limits_of(scope).hit(
            [Hit(policy.key(client), policy) for policy in self.policies]
        )
        scope[OUTCOMES_KEY] = outcomes  # a route's own limits add theirs

        async def dress(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers_for(outcomes)]
            await send(message)

        try:
            refuse_excess(outcomes)
            await self.app(scope, receive, dress)
        except ServiceError as error:
            # It is answered outside of us, so it takes the headers along.
            for name, value in headers_for(outcomes):
                error.headers.setdefault(name.decode("ascii"), value.decode("ascii"))
            raise
