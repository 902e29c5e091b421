"""Layer 8, authorization: what the one who asks may do.

Stops: endpoints that somebody forgot to protect (a route whose signature says nothing about access
keeps the service from starting), functions of another role (403), objects of another user (404,
as if they were not there: services scope every query to its owner).
Does not stop: what a user may do and should not; that is the domain's to say.
When its dependency is down: closed; a policy that fails denies.
Standard: OWASP API Security 2023 API1, API3, API5; ASVS 5.0 V8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from fastapi.routing import APIRoute, iter_route_contexts

from app.errors import ServiceError
from app.layers.authentication import Principal, authenticate
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from fastapi.dependencies.models import Dependant

ADMIN = "admin"


class Forbidden(ServiceError):
    """403: known, and not allowed."""

    status, slug, layer = 403, "forbidden", "authorization"


def may(principal: Principal, role: str | None) -> bool:
    """Whether the principal has the role that is asked for; `None` asks for no role."""
    return role is None or principal.role == role


@dataclass(frozen=True, slots=True)
class Anyone:
    """The policy of a public endpoint. It exists to be written down: silence is refused."""

    async def __call__(self) -> None:
        """Let everyone pass."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The policy of an endpoint for users, or for users of one role."""

    role: str | None = None

    async def __call__(self, principal: Annotated[Principal, Depends(authenticate)]) -> Principal:
        """Return the principal.

        Raises:
            Unauthenticated: there is none.
            Forbidden: it has another role.
        """
        if not may(principal, self.role):
            log_event(Event.AUTHZ_FAIL, needs=self.role)
            raise Forbidden("This account may not do that.")
        return principal


Public = Annotated[None, Depends(Anyone())]
"""Access type: anyone."""

CurrentUser = Annotated[Principal, Depends(Authenticated())]
"""Access type: any user who is logged in."""

AdminUser = Annotated[Principal, Depends(Authenticated(ADMIN))]
"""Access type: an administrator."""


class MissingPolicyError(Exception):
    """A route's signature says nothing about who may use it."""


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def policies(app: FastAPI) -> dict[str, Anyone | Authenticated | None]:
    """Return the policy of each route, by `METHOD path`; None where there is none."""
    found: dict[str, Anyone | Authenticated | None] = {}
    for context in iter_route_contexts(app.routes):
        is_ours = isinstance(context.original_route, APIRoute)
        calls = list(_calls(context.dependant)) if is_ours else []
        policy = next((call for call in calls if isinstance(call, Anyone | Authenticated)), None)
        for method in sorted(context.methods or {"*"}):
            found[f"{method} {context.path}"] = policy
    return found


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


__all__ = [
    "ADMIN",
    "AdminUser",
    "Anyone",
    "Authenticated",
    "CurrentUser",
    "Forbidden",
    "MissingPolicyError",
    "Principal",
    "Public",
    "may",
    "policies",
    "require_policies",
]
