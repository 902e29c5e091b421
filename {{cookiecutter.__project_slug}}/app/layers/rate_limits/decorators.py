"""slowapi's decorators over our engine: a route's own limits, beside the per-client one.

    @router.post("/login")
    @limiter.limit(setting("login"))
    async def log_in(request: Request, ...): ...

The decorator wraps the endpoint itself, so it holds however the router is included. It runs after
the endpoint's dependencies and the validation of its body; what those refuse is counted by the
per-client limit. slowapi's own engine is not used: it calls Redis on the event loop, fails open
and misses included routers (measured).
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fastapi.concurrency import run_in_threadpool
from slowapi import Limiter as SlowapiLimiter
from typing_extensions import override

from app.layers.rate_limits.engine import rate_limits_of
from app.layers.rate_limits.outcomes import note_outcomes, refuse_excess
from app.layers.rate_limits.rules import Asked, Rule, client_of, parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

Endpoint = TypeVar("Endpoint", bound="Callable[..., Any]")


def _route_name(endpoint: Callable[..., Any]) -> str:
    return f"{endpoint.__module__}.{endpoint.__qualname__}"


def _request_position(endpoint: Callable[..., Any]) -> int:
    name = _route_name(endpoint)
    if "request" not in parameters(endpoint):
        raise TypeError(f"{name} needs a parameter `request: Request` to be limited")
    if inspect.isgeneratorfunction(endpoint) or inspect.isasyncgenfunction(endpoint):
        raise TypeError(f"{name} is a generator: it runs after the answer has started")
    return parameters(endpoint).index("request")


class Limiter(SlowapiLimiter):
    """What users of slowapi know: `limit`, `shared_limit`, `exempt` and `key_func`.

    slowapi's constructor is left out on purpose: it reads `RATELIMIT_ENABLED` from the environment
    and from `.env`, a switch that would turn this layer off.
    """

    def __init__(self, key_func: Callable[..., str] = client_of) -> None:
        self.key_func = key_func
        self._exempt_routes: set[str] = set()

    @override
    def limit(
        self,
        limit_value: str | Callable[..., str],
        key_func: Callable[..., str] | None = None,
        per_method: bool = False,
        methods: list[str] | None = None,
        error_message: str | Callable[..., str] | None = None,
        exempt_when: Callable[..., bool] | None = None,
        cost: int | Callable[..., int] = 1,
        override_defaults: bool = True,
    ) -> Callable[[Endpoint], Endpoint]:
        """Limit one route, for each client or whatever `key_func` tells apart.

        Args:
            limit_value: `5/minute` or what else `policies.py` tells of, `setting("login")`, or a
                callable that returns a limit; it is given `request` or `key` if it has a parameter
                of that name.
            key_func: who is counted; by default the client's address, and the account as well
                where the request has one that is verified.
            per_method: count each HTTP method for itself.
            methods: limit these methods only.
            error_message: the sentence of the 429, a constant.
            exempt_when: does not count when this returns true.
            cost: how many hits one request is; a callable is given the request.
            override_defaults: kept for slowapi's users; the per-client limit always holds.
        """
        del override_defaults
        return self._decorator(
            Asked(
                limit_value=limit_value,
                key_func=key_func or self.key_func,
                scope=None,
                per_method=per_method,
                methods=methods,
                error_message=error_message,
                exempt_when=exempt_when,
                cost=cost,
            )
        )

    @override
    def shared_limit(
        self,
        limit_value: str | Callable[..., str],
        scope: str | Callable[..., str],
        key_func: Callable[..., str] | None = None,
        error_message: str | Callable[..., str] | None = None,
        exempt_when: Callable[..., bool] | None = None,
        cost: int | Callable[..., int] = 1,
        override_defaults: bool = True,
    ) -> Callable[[Endpoint], Endpoint]:
        """Limit several routes together: those that name the same scope.

        A callable scope is given the endpoint's dotted name. The rest is as for `limit`.
        """
        del override_defaults
        return self._decorator(
            Asked(
                limit_value=limit_value,
                key_func=key_func or self.key_func,
                scope=scope,
                per_method=False,
                methods=None,
                error_message=error_message,
                exempt_when=exempt_when,
                cost=cost,
            )
        )

    @override
    def exempt(self, obj: Endpoint) -> Endpoint:
        """Free a route of limits of its own, not of the per-client one. Above or below them."""
        self._exempt_routes.add(_route_name(obj))
        return obj

    def _decorator(self, asked: Asked) -> Callable[[Endpoint], Endpoint]:
        def decorate(endpoint: Endpoint) -> Endpoint:
            rule = Rule(asked, _route_name(endpoint))
            position = _request_position(endpoint)
            is_async = inspect.iscoroutinefunction(endpoint)

            @functools.wraps(endpoint)
            async def limited(*args: Any, **kwargs: Any) -> Any:
                request = kwargs["request"] if "request" in kwargs else args[position]
                await self._check(rule, _route_name(endpoint), request)
                if is_async:
                    return await endpoint(*args, **kwargs)
                return await run_in_threadpool(endpoint, *args, **kwargs)

            return cast("Endpoint", limited)

        return decorate

    async def _check(self, rule: Rule, route: str, request: Request) -> None:
        if route in self._exempt_routes:
            return
        hits = rule.hits(request)
        if hits:
            outcomes = await rate_limits_of(request.scope).hit(hits)
            note_outcomes(request.scope, outcomes)
            refuse_excess(outcomes, rule.detail())


limiter = Limiter()
"""The service's limiter: `@limiter.limit("5/minute")` under a route's decorator."""
