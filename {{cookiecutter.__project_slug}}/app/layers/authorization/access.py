"""Access types: what stands in an endpoint's signature and says who may use it.

    async def list_notes(access: Annotated[Principal, Depends(Authenticated(scope="notes:read"))])

A domain names its own (`app/accounts/access.py`). A policy is one call of FastAPI's, and asks
for the principal itself: a dependency below it would cost as much again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from app.errors import ServiceError
from app.layers.authentication import Principal, authenticate, insufficient_scope
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from typing import NoReturn

ADMIN = "admin"
"""The role of administrators, and the scope of tokens that may be used as one."""
SCOPE = re.compile(r"[!#-\[\]-~]+", re.ASCII)
"""One word (RFC 6749 §3.3)."""


class Forbidden(ServiceError):
    """403: known, but not allowed to do this."""

    status, slug, layer = 403, "forbidden", "authorization"


def may(principal: Principal, role: str | None = None, scope: str | None = None) -> bool:
    """Whether the principal has the role and the token the scope; `None` asks for none.

    Both are compared whole: `notes` is not `notes:read`, and `admin` is not `administrator`.
    """
    return (role is None or principal.role == role) and (scope is None or scope in principal.scopes)


@dataclass(frozen=True, slots=True)
class Anyone:
    """The policy of a public endpoint. It exists to be written down: silence is refused."""

    async def __call__(self) -> None:
        """Let everyone pass."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The policy of an endpoint for users, for users of one role, or for tokens of one scope.

    Args:
        role: the user's, as the database has it.
        scope: what the token must have been issued for (RFC 6749 §3.3).

    Raises:
        ValueError: the scope is not one word; no token could have it.
    """

    role: str | None = None
    scope: str | None = None

    def __post_init__(self) -> None:
        if self.scope is not None and SCOPE.fullmatch(self.scope) is None:
            raise ValueError(f"a scope is one word of visible ASCII: {self.scope!r}")

    async def __call__(self, request: Request) -> Principal:
        """Return the principal.

        Raises:
            Unauthenticated: there is none.
            Forbidden: it has another role, or its token a smaller scope.
        """
        principal = await authenticate(request)
        if not may(principal, self.role, self.scope):
            self._refuse(request, principal)
        return principal

    def _refuse(self, request: Request, principal: Principal) -> NoReturn:
        log_event(Event.AUTHZ_FAIL, needs=self.role, needs_scope=self.scope)
        if self.scope is None or not may(principal, self.role):
            raise Forbidden("This account may not do that.")
        raise Forbidden(
            "This token may not do that: its scope is too small.",
            headers={"WWW-Authenticate": insufficient_scope(request, [self.scope])},
        )


Public = Annotated[None, Depends(Anyone())]
"""Access type: anyone."""

CurrentUser = Annotated[Principal, Depends(Authenticated())]
"""Access type: any user who is logged in, whatever the token's scope."""

AdminUser = Annotated[Principal, Depends(Authenticated(ADMIN, ADMIN))]
"""Access type: an administrator, with a token that may be used as one."""
