"""Deny by default: what each route asks for, and no start with one that asks for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import APIRoute, iter_route_contexts

from app.layers.authorization.access import Anyone, Authenticated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from fastapi.dependencies.models import Dependant


class MissingPolicyError(Exception):
    """A route's signature says nothing about who may use it."""


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _asked(app: FastAPI) -> Iterator[tuple[str, list[Anyone | Authenticated]]]:
    """Yield each route as `METHOD path`, with every policy that its request passes."""
    for context in iter_route_contexts(app.routes):
        is_ours = isinstance(context.original_route, APIRoute)
        calls = list(_calls(context.dependant)) if is_ours else []
        found = [call for call in calls if isinstance(call, Anyone | Authenticated)]
        for method in sorted(context.methods or {"*"}):
            yield f"{method} {context.path}", found
    # Static files that were mounted with `frontend()`: tried last, listed nowhere, no signature.
    for _ in app.router._iter_low_priority_routes():  # noqa: SLF001 - FastAPI has no other list
        yield "* (frontend)", []


def _strictest(found: list[Anyone | Authenticated]) -> Anyone | Authenticated | None:
    def demands(policy: Anyone | Authenticated) -> int:
        if isinstance(policy, Anyone):
            return 0
        return 1 + (policy.role is not None) + (policy.scope is not None)

    return max(found, key=demands, default=None)


def policies(app: FastAPI) -> dict[str, Anyone | Authenticated | None]:
    """Return the policy of each route, by `METHOD path`; None where there is none.

    Where a request passes several, such as an upload's own and its endpoint's, the strictest.
    """
    return {name: _strictest(found) for name, found in _asked(app)}


def scopes_of(app: FastAPI) -> frozenset[str]:
    """Return every scope that some route asks for: all that a token can be issued for."""
    return frozenset(
        policy.scope
        for _, found in _asked(app)
        for policy in found
        if isinstance(policy, Authenticated) and policy.scope is not None
    )


def require_policies(app: FastAPI) -> None:
    """Refuse to start with a route that has no policy.

    Raises:
        MissingPolicyError: with the names of such routes.
    """
    missing = [name for name, policy in policies(app).items() if policy is None]
    if missing:
        raise MissingPolicyError(
            f"no access type in the signature of {', '.join(missing)}; "
            "add Public, CurrentUser or AdminUser from app.layers.authorization"
        )
