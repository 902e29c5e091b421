"""What becomes of a verdict: the settings, and what a route says itself. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path

from app.layers.authorization.access import Anyone
from app.layers.authorization.routes import policies
from app.layers.bots.decorators import NO_MARKS, Marks, marks_of
from app.layers.bots.provider import Decision, Verdict

if TYPE_CHECKING:
    import re

    from fastapi import FastAPI

    from app.layers.bots.settings import BotsSettings


class RoutePolicy(NamedTuple):
    """What matters here about a route."""

    is_public: bool = False
    """Whether it asks for no token."""
    marks: Marks = NO_MARKS


ANY_ROUTE = RoutePolicy()
"""That of a path without a route, too: there is nothing to protect, and it is answered 404."""


class Routes:
    """Finds the policy of the route that a request will be sent to: the first one that fits."""

    def __init__(self, app: FastAPI | None = None) -> None:
        self._by_method: dict[str, list[tuple[re.Pattern[str], RoutePolicy]]] = {}
        asked = policies(app) if app is not None else {}
        for context in iter_route_contexts(app.routes) if app is not None else ():
            route = context.original_route
            marks = marks_of(route.endpoint) if isinstance(route, APIRoute) else NO_MARKS
            pattern = compile_path(context.path or "")[0]
            for method in context.methods or ():
                is_public = isinstance(asked[f"{method} {context.path}"], Anyone)
                found = self._by_method.setdefault(method, [])
                found.append((pattern, RoutePolicy(is_public, marks)))

    def policy(self, method: str, path: str) -> RoutePolicy:
        """Return the policy of the route for this method and path."""
        for pattern, policy in self._by_method.get(method, ()):
            if pattern.match(path):
                return policy
        return ANY_ROUTE


class Policy:
    """Holds verdicts against the settings and the route."""

    def __init__(self, settings: BotsSettings) -> None:
        self._monitors = frozenset(settings.monitor)
        self._monitors_all = settings.mode == "monitor"
        self._authenticated = frozenset(settings.authenticated)

    def decide(self, verdict: Verdict, route: RoutePolicy) -> Verdict:
        """Return what becomes of a request on this route."""
        marks = route.marks
        if marks.is_exempt or verdict.category in marks.allowed:
            return verdict._replace(decision=Decision.ALLOW)
        # By its name, also when something worse is known of it: that may be monitored only.
        name = verdict.name or verdict.category
        if route.is_public and name in self._authenticated and name not in marks.allowed:
            reasons = ("only where a token is asked for", *verdict.reasons)
            return Verdict(name, Decision.REFUSE, reasons)
        return verdict

    def enforces(self, verdict: Verdict) -> bool:
        """Whether the decision is carried out, or only logged."""
        return not self._monitors_all and verdict.category not in self._monitors
