"""The order of the layers: the only place where it is written, as data, outermost first.

Logs come first so that every request leaves a line, headers before anything that may refuse so
that every answer wears them, and the error boundary inside CORS so that even an unhandled 500 is
readable for an allowed origin. Authentication, authorization and uploads are dependencies of the
endpoints: they run after routing, in the order of `ENDPOINT_LAYERS`, and
`authorization.require_policies` refuses to start with a route that has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.middleware import Middleware

from app.errors import ErrorBoundary
from app.layers.bots import BotsMiddleware
from app.layers.cors import CorsMiddleware
from app.layers.headers import HeadersMiddleware
from app.layers.https import HttpsMiddleware
from app.layers.logs import LogsMiddleware
from app.layers.rate_limits import RateLimitsMiddleware
from app.layers.validation import ValidationMiddleware

if TYPE_CHECKING:
    from app.settings import Settings


class Mount(NamedTuple):
    """One layer in the stack. Its class is called with its settings section, if it has one."""

    layer: str
    middleware: Any
    section: str | None


STACK: tuple[Mount, ...] = (
    Mount("logs", LogsMiddleware, "logs"),
    Mount("headers", HeadersMiddleware, "headers"),
    Mount("https", HttpsMiddleware, "https"),
    Mount("cors", CorsMiddleware, "cors"),
    Mount("errors", ErrorBoundary, None),
    Mount("rate_limits", RateLimitsMiddleware, "rate_limits"),
    Mount("bots", BotsMiddleware, "bots"),
    Mount("validation", ValidationMiddleware, "validation"),
)

ENDPOINT_LAYERS: tuple[str, ...] = ("authentication", "authorization", "uploads")


def build_stack(settings: Settings) -> list[Middleware]:
    """Return the stack for `FastAPI(middleware=…)`, each layer with its own settings."""
    return [
        Middleware(mount.middleware)
        if mount.section is None
        else Middleware(mount.middleware, settings=getattr(settings, mount.section))
        for mount in STACK
    ]
