"""What `own_work` measures of the layers that are dependencies: authentication and authorization.

Each is called as FastAPI calls it, and in its place, turn by turn, a dependency that does nothing:
what FastAPI itself spends on a dependency, whatever it does, is a row of its own. Memory is warm,
as for a client that comes again within seconds: a thousand sessions, each with its own token of
full length, signed with RS256. What is cold asks the database, and is not the layer's own work.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.changes import Changes
from app.layers.authentication import (
    AccessTokens,
    Principal,
    Sessions,
    authenticate,
    open_authentication,
)
from app.layers.authentication.session_memory import Remembered
from app.layers.authentication.sessions import FOREVER
from app.layers.authorization import Authenticated
from app.request_context import context_of
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.layers.authentication import Authentication, AuthenticationSettings, Claims
    from starlette.types import ASGIApp, Receive, Scope, Send

    Dependency = Callable[[Request], Awaitable[object]]
    Pairs = dict[str, tuple[ASGIApp, ASGIApp]]

PATH = "/api/v1/notes"
SCOPES = frozenset({"account", "files:read", "files:write", "notes:read", "notes:write"})
NEEDED = "notes:read"
ROLE = "user"
SOMEBODY = Principal(uuid.uuid4(), uuid.uuid4(), ROLE, SCOPES)


@dataclass(frozen=True, slots=True)
class Warm:
    """What a worker holds that knows all its clients."""

    authentication: Authentication
    sessions: Sessions
    tokens: list[str]

    async def claims(self) -> list[Claims]:
        """Return what the tokens say, and have each remembered for another minute if need be."""
        verifier = self.authentication.verifier
        return [verifier.remembered(one) or await verifier.verify(one) for one in self.tokens]

    def stay(self) -> None:
        """Stay warm for another round."""
        asyncio.run(self.claims())


def warm(settings: AuthenticationSettings, clients: int) -> Warm:
    """Return a worker that knows so many clients."""
    authentication = open_authentication(settings)
    # No trip to Redis is made: the last one is always later than the request.
    changes = Changes(None, clock=lambda: FOREVER)
    changes.take(changes.errand(), [[b"1-0", [b"ids", b"*"]]])
    sessions = Sessions(None, changes, settings.session_memory_seconds)  # type: ignore[arg-type]
    maker = AccessTokens(settings, authentication.keys)
    tokens = [maker.issue(uuid.uuid4(), uuid.uuid4(), SCOPES) for _ in range(clients)]
    found = Warm(authentication, sessions, tokens)
    for claims in asyncio.run(found.claims()):
        principal = Principal(claims.user_id, claims.session_id, ROLE, claims.scopes)
        remembered = Remembered(principal, until=FOREVER, ends=FOREVER)
        sessions.memory.put(claims.session_id or claims.user_id, remembered)
    return found


async def nothing(request: Request) -> None:
    """Do nothing."""
    del request


def asking(dependency: Dependency, worker: Warm) -> ASGIApp:
    """Return an application that asks a dependency who makes the request, and answers nobody."""
    app = FastAPI(openapi_url=None)
    app.state.authentication, app.state.sessions = worker.authentication, worker.sessions

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = app
        await dependency(Request(scope, receive, send))

    return answer


def known(dependency: Dependency) -> ASGIApp:
    """Return an application that asks a dependency what somebody may do."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        context_of(scope).principal = SOMEBODY
        await dependency(Request(scope, receive, send))

    return answer


def depending(*dependencies: Dependency) -> ASGIApp:
    """Return FastAPI with a route that depends on these."""
    app = FastAPI(openapi_url=None)
    app.api_route(PATH, methods=["GET", "POST"], dependencies=list(map(Depends, dependencies)))(_ok)
    return app


async def _ok() -> Response:
    return Response(b"{}")


def pairs(worker: Warm) -> Pairs:
    """Return by name what is measured, and what it is held against."""
    policy = Authenticated(scope=NEEDED)
    return {
        "a dependency": (depending(nothing), depending()),
        "authentication": (asking(authenticate, worker), asking(nothing, worker)),
        "authorization": (known(policy), known(nothing)),
    }
