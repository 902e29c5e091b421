"""Contestant 3, ours: the generated service as `create_app` builds it, and two small routes.

No layer is switched off or softened. The routes are made the way a fork makes its own, behind all
that the service has, with access types in their signatures: one for users, which is the headline,
and one for anyone, which shows what knowing the user costs.

For the table of layers one mount is left out of the stack; `BENCH_WITHOUT` names it.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from app import stack
from app.layers.authorization import (
    CurrentUser,
    Public,
    require_policies,
)
from app.layers.validation import Router, require_strict_routes
from app.main import create_app
from app.request_context import SCOPE_KEY, RequestContext

from benchmarks.applications.answer import ANSWER, Answer

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

router = Router()


@router.get("/answer")
async def read_answer(user: CurrentUser) -> Answer:
    """Give the answer to a user."""
    del user
    return ANSWER


@router.get("/open-answer")
async def read_open_answer(access: Public) -> Answer:
    """Give the answer to anyone."""
    del access
    return ANSWER


class ContextOnly:
    """Stands in for the logs layer: makes the context that the other layers need, and no line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put a fresh context into the scope."""
        if scope["type"] == "http":
            scope[SCOPE_KEY] = RequestContext(request_id="0" * 32)
        await self.app(scope, receive, send)


def without(layer: str) -> tuple[stack.Mount, ...]:
    """Return the stack without one mount.

    Raises:
        ValueError: there is no such mount.
    """
    if layer not in mounts():
        raise ValueError(f"the stack has no {layer}; it has {', '.join(mounts())}")
    rest = tuple(mount for mount in stack.STACK if mount.layer != layer)
    return (stack.Mount("context", ContextOnly, None), *rest) if layer == "logs" else rest


def mounts() -> list[str]:
    """Return the names of what is mounted, outermost first."""
    return [mount.layer for mount in stack.STACK]


def create() -> FastAPI:
    """Return the service with the two routes, checked as the service checks its own."""
    if layer := os.environ.get("BENCH_WITHOUT"):
        stack.STACK = without(layer)
    app = create_app()
    app.include_router(router)
    require_strict_routes(app)
    require_policies(app)
    # As gunicorn.conf.py does in every worker before it serves.
    gc.collect()
    gc.freeze()
    return app


if __name__ == "__main__":
    print(" ".join(mounts()))
