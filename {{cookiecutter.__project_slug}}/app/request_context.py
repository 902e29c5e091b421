"""What the layers know about the request in hand: one small object, made by the outermost layer.

It travels twice: in the ASGI scope for the layers, and in a context variable for log lines written
deep inside a service function, which has no scope to read.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

    from app.layers.authentication.principal import Principal
    from app.layers.headers import Relaxation

SCOPE_KEY = "app.request_context"


@dataclass(slots=True)
class RequestContext:
    """Facts about one request, filled in by the layers as it passes through them."""

    request_id: str
    """Made by nginx (`$request_id`), 32 hexadecimal digits."""
    client: str = "unknown"
    """Address of the client as the trusted proxy saw it."""
    arrived: float = field(default_factory=time.monotonic)
    """Monotonic seconds: what was remembered may be believed if it was confirmed after this."""
    account: str | None = None
    """Verified account id, set by authentication."""
    principal: Principal | None = None
    """Who makes the request, set by authentication."""
    status: int | None = None
    """Of the answer, once it has begun."""
    refused_by: str | None = None
    """Name of the layer that refused the request."""
    relaxations: tuple[Relaxation, ...] = ()
    """What the route asked the headers layer for, set by `relax`."""


current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def context_of(scope: Scope) -> RequestContext:
    """Return the context that the logs layer put into this scope.

    Raises:
        KeyError: the logs layer is not outermost; `stack.py` is wrong.
    """
    context: RequestContext = scope[SCOPE_KEY]
    return context
