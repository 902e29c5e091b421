"""Layer 3, CORS: which web pages may use this service with their visitor's browser.

Stops: a foreign page that reads answers or causes writes in a visitor's name. A request from an
origin that is not on the list is refused before any handler runs; Starlette's CORSMiddleware only
withholds the headers, and an evil-origin POST got its 200 (measured).
Does not stop: clients that are not browsers; they send no Origin, or any they like.
When its dependency is down: it has none.
Standard: Fetch (WHATWG) §3.2; Fetch Metadata (W3C); RFC 6454; ASVS 5.0 V3.4.2, V3.5.1.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from starlette.responses import Response

from app.errors import ServiceError, problem_response
from app.layers import CommaSeparated, LayerSettings
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = frozenset({"authorization", "content-type"})
EXPOSED = "X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, Content-Disposition"
DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:]+")


def checked_origin(origin: str) -> str:
    """Return the origin as browsers serialize it (RFC 6454 §6.2).

    Raises:
        ValueError: it is not `scheme://host[:port]` and nothing else.
    """
    parts = urlsplit(origin)
    port = parts.port  # raises ValueError above 65535
    host = parts.hostname or ""
    plain = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in DEFAULT_PORTS or not host or plain != origin or "@" in parts.netloc:
        raise ValueError("an origin is https://host or https://host:port, without a path")
    if HOST.fullmatch(host) is None:
        raise ValueError("an origin names one host: no wildcard, international names in punycode")
    if ":" in host:
        host = f"[{host}]"
    suffix = "" if port is None or port == DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _check_all(origins: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(checked_origin(origin) for origin in origins)


class CorsSettings(LayerSettings):
    """`CORS__*`."""

    allowed_origins: Annotated[CommaSeparated, AfterValidator(_check_all)] = ()
    """Exact origins, `https://app.example.com, https://…`. Empty: no page but our own."""
    max_age: int = Field(default=600, ge=0, le=7200)
    """Seconds for which a browser may remember the answer to a preflight."""


class Verdict(Enum):
    """What the guard makes of a request's origin."""

    NOT_CROSS_ORIGIN = "no origin, or our own"
    ALLOWED = "on the list"
    REFUSED = "foreign"


def judge(
    origins: list[str], own: str, allowed: frozenset[str], method: str, fetch_site: str | None
) -> Verdict:
    """Decide on a request by its Origin headers, method and `Sec-Fetch-Site`.

    A request without an Origin is a server's or a plain navigation: it passes, unless its browser
    says that a foreign site caused it and it would change something.
    """
    if not origins:
        foreign = fetch_site == "cross-site" and method not in SAFE_METHODS
        return Verdict.REFUSED if foreign else Verdict.NOT_CROSS_ORIGIN
    if len(origins) > 1:
        return Verdict.REFUSED  # no browser sends two; whoever reads the other one is deceived
    if origins[0] in allowed:
        return Verdict.ALLOWED
    return Verdict.NOT_CROSS_ORIGIN if origins[0] == own else Verdict.REFUSED


class OriginRefused(ServiceError):
    """403: the page that sent this may not use the service."""

    status, slug, layer = 403, "origin-refused", "cors"


class CorsMiddleware:
    """Refuses foreign origins, answers preflights, lets allowed pages read the answers."""

    def __init__(self, app: ASGIApp, settings: CorsSettings) -> None:
        self.app = app
        self.allowed = frozenset(settings.allowed_origins)
        self.max_age = str(settings.max_age)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge the request before anything else sees it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origins: list[str] = []
        fetch_site, requested, host = None, None, ""
        for name, value in scope["headers"]:
            if name == b"origin":
                origins.append(value.decode("latin-1"))
            elif name == b"sec-fetch-site":
                fetch_site = value.decode("latin-1")
            elif name == b"access-control-request-method":
                requested = value.decode("latin-1")
            elif name == b"host":
                host = value.decode("latin-1")
        own = f"{scope['scheme']}://{host}"
        verdict = judge(origins, own, self.allowed, scope["method"], fetch_site)
        if verdict is Verdict.REFUSED:
            log_event(Event.ORIGIN_REFUSED)
            refusal = OriginRefused("Pages of this origin may not use the service.")
            await problem_response(scope, refusal)(scope, receive, _varying(send, None))
            return
        origin = origins[0] if verdict is Verdict.ALLOWED else None
        if origin is not None and scope["method"] == "OPTIONS" and requested is not None:
            await self._preflight()(scope, receive, _varying(send, origin))
            return
        await self.app(scope, receive, _varying(send, origin))

    def _preflight(self) -> Response:
        """Answer what an allowed page may send."""
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": ", ".join(sorted(REQUEST_HEADERS)),
                "Access-Control-Max-Age": self.max_age,
            },
        )


def _varying(send: Send, origin: str | None) -> Send:
    """Add `Vary: Origin` to every answer, and the grant to those for an allowed origin.

    Vary stands on answers without a grant too: a cache must not give one page's answer to another.
    """
    grant: list[tuple[bytes, bytes]] = [(b"vary", b"Origin")]
    if origin is not None:
        grant += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED.encode("ascii")),
        ]

    async def mark(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *grant]
        await send(message)

    return mark
