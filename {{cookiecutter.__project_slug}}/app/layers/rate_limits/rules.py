"""What the decorators were told, made into one question: what does this request count as?"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from app.layers.rate_limits.policies import Hit, client_key, parse_policies
from app.layers.rate_limits.settings import RateLimitsSettings
from app.request_context import context_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request


def client_of(request: Request) -> str:
    """Return what this request's client is counted by. The proxy says who it is, no header."""
    return client_key(context_of(request.scope).client)


def account_of(request: Request) -> str | None:
    """Return the account that makes the request, if authentication has found out who it is.

    What a token claims before it was verified counts for nothing: whoever may choose a key chooses
    a new one each time, or somebody else's.
    """
    principal = context_of(request.scope).principal
    return None if principal is None else str(principal.user_id)


@dataclass(frozen=True, slots=True)
class SettingLimit:
    """A limit that is read from the settings of the application that serves the request."""

    name: str

    def __call__(self, request: Request) -> str:
        """Return the limit's text."""
        limit: str = getattr(request.app.state.settings.rate_limits, self.name)
        return limit


def setting(name: str) -> SettingLimit:
    """Return the limit `RATE_LIMITS__<NAME>`, for `@limiter.limit(setting("login"))`.

    Raises:
        ValueError: there is no such setting.
    """
    if name not in RateLimitsSettings.model_fields:
        raise ValueError(f"RATE_LIMITS__{name.upper()} is not a setting")
    return SettingLimit(name)


class Asked(NamedTuple):
    """The arguments of a decorator, as slowapi's users write them."""

    limit_value: str | Callable[..., str]
    key_func: Callable[..., str]
    scope: str | Callable[..., str] | None
    per_method: bool
    methods: list[str] | None
    error_message: str | Callable[..., str] | None
    exempt_when: Callable[..., bool] | None
    cost: int | Callable[..., int]


def parameters(function: Callable[..., Any]) -> list[str]:
    """Return the names of a callable's parameters."""
    return list(inspect.signature(function).parameters)


class Rule:
    """The limits that one decorator puts on one route.

    Raises:
        ValueError: a limit that can't be read, so that the mistake stops the start.
    """

    def __init__(self, asked: Asked, route: str) -> None:
        self._asked = asked
        self._route = route
        self._methods = asked.methods and frozenset(method.upper() for method in asked.methods)
        self._key_wants = parameters(asked.key_func)
        self._limit_wants: list[str] = []
        if isinstance(asked.limit_value, str):
            parse_policies("check", asked.limit_value)
        else:
            self._limit_wants = parameters(asked.limit_value)
        self.name = self._name()

    def _name(self) -> str:
        """Return the name for the client: the setting's, the shared scope's or the endpoint's."""
        if isinstance(self._asked.limit_value, SettingLimit):
            return self._asked.limit_value.name.replace("_", "-")
        if isinstance(self._asked.scope, str):
            return self._asked.scope
        return self._route.rpartition(".")[2].replace("_", "-")

    def hits(self, request: Request) -> list[Hit]:
        """Return what to count; nothing when the route is exempt for this request.

        Without a key function of the route's own, that is the client, and the account as well where
        there is one: many accounts at one address are as bounded as one account at many.
        """
        if not self._applies(request):
            return []
        key, scope, cost = self._key(request), self._scope(request), self._cost(request)
        limit = self._limit(request, key)
        hits = [
            Hit(policy.key(scope, key), policy, cost) for policy in parse_policies(self.name, limit)
        ]
        account = account_of(request) if self._asked.key_func is client_of else None
        if account is not None:
            hits += [
                Hit(policy.key(scope, account), policy, cost)
                for policy in parse_policies(f"{self.name}-of-account", limit)
            ]
        return hits

    def detail(self) -> str | None:
        """Return the route's own sentence for the client, if it has one."""
        message = self._asked.error_message
        return message() if callable(message) else message

    def _applies(self, request: Request) -> bool:
        if self._methods is not None and request.method not in self._methods:
            return False
        exempt = self._asked.exempt_when
        if exempt is None:
            return True
        return not (exempt(request) if parameters(exempt) else exempt())

    def _key(self, request: Request) -> str:
        function = self._asked.key_func
        return function(request) if "request" in self._key_wants else function()

    def _scope(self, request: Request) -> str:
        scope = self._asked.scope
        if callable(scope):
            scope = scope(self._route)
        scope = scope if scope is not None else self._route
        return f"{scope}:{request.method}" if self._asked.per_method else scope

    def _limit(self, request: Request, key: str) -> str:
        """Give a dynamic limit what it asks for: `request`, slowapi's `key`, or nothing."""
        limit = self._asked.limit_value
        if isinstance(limit, str):
            return limit
        if "request" in self._limit_wants:
            return limit(request=request)
        return limit(key=key) if "key" in self._limit_wants else limit()

    def _cost(self, request: Request) -> int:
        cost = self._asked.cost
        # Never less than nothing: a negative cost would give attempts back.
        return max(0, cost(request) if callable(cost) else cost)
