"""Layer 3, CORS: which web pages may use this service with their visitor's browser.

Stops: a foreign page that reads answers or causes writes in a visitor's name. A request from an
origin that is not on the list is refused before any handler runs; Starlette's CORSMiddleware only
withholds the headers, and an evil-origin POST got its 200 (measured).
Does not stop: clients that are not browsers; they send no Origin, or any they like.
When its dependency is down: it has none.
Standard: Fetch (WHATWG) §3.3; Fetch Metadata (W3C); RFC 6454; ASVS 5.0 V3.4.2, V3.5.1.

Tokens travel in Authorization, which no browser adds by itself. So nothing here ever says
Access-Control-Allow-Credentials: cookies of other services stay out of it. Nor does anything let a
public page into a private network (Access-Control-Allow-Private-Network).
"""

from __future__ import annotations

import re
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field
from starlette.responses import Response

from app.errors import ServiceError, problem_response
from app.layers import LayerSettings, comma_separated
from app.layers.logs import Event, log_event, printable
from app.request_headers import headers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Iterable, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from app.request_headers import RequestHeaders

    HeaderList = list[tuple[bytes, bytes]]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({b"same-origin", b"none"})
"""`Sec-Fetch-Site` of a write that has no Origin: from a page of ours, or by hand. Not `same-site`:
another subdomain is another origin, perhaps somebody else's, perhaps taken over."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = ("authorization", "content-type", "traceparent", "tracestate")
"""What an allowed page may send beside what Fetch always lets it send, in lower case. The last two
are W3C Trace Context: tracing in a front end adds them to every request, and a preflight that asks
for one name too many is refused whole. A header that your pages add is named here."""
VARY = (b"vary", b"Origin")
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
EXPOSED = "X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, Content-Disposition"
LOGGED = {
    "origin": b"origin",
    "fetch_site": b"sec-fetch-site",
    "asked_method": b"access-control-request-method",
    "asked_headers": b"access-control-request-headers",
}
"""Fields of the event that tells of a refusal, and the headers they repeat."""
NO_ORIGIN = (
    "an origin is https://host or https://host:port: no / at the end, no path, no *, no null; "
    "international names in punycode; separate several by commas"
)
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65_535
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"(https?)://({_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]+\])(?::([1-9][0-9]{{0,4}}))?"
)
_IS_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*")
_ALLOW = ("allow-origin", "allow-credentials", "allow-methods", "allow-headers")
_OTHERS = ("allow-private-network", "expose-headers", "max-age")
_OURS = frozenset(f"access-control-{name}".encode() for name in (*_ALLOW, *_OTHERS)) | {b"vary"}
"""What this layer alone may say; of a route's own, only Vary is kept, and joined to ours."""


def _checked_host(host: str) -> str:
    """Return the host as browsers write it; written otherwise, it would never match.

    Raises:
        ValueError: an address that is none, or that browsers write in another way.
    """
    try:
        if host.startswith("["):
            return f"[{IPv6Address(host[1:-1])}]"
        if _IS_NUMBER.fullmatch(host.rpartition(".")[2]):  # to a browser, that is an IPv4 address
            return str(IPv4Address(host))
    except AddressValueError:  # its words hold the value
        raise ValueError("a browser writes this address in another way, if it is one") from None
    return host


def checked_origin(origin: str) -> str:
    """Return the origin as browsers serialize it (RFC 6454 §6.2): lower case, no default port.

    Raises:
        ValueError: it is not `scheme://host[:port]` and nothing else.
    """
    match = _ORIGIN.fullmatch(origin.lower()) if origin.isascii() else None
    if match is None:
        raise ValueError(NO_ORIGIN)
    scheme, host, port = match[1], _checked_host(match[2]), int(match[3] or DEFAULT_PORTS[match[1]])
    if port > MAX_PORT:
        raise ValueError(f"a port is at most {MAX_PORT}")
    return f"{scheme}://{host}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")


Origins = Annotated[tuple[Annotated[str, AfterValidator(checked_origin)], ...], comma_separated]


class CorsSettings(LayerSettings):
    """`CORS__*`."""

    allowed_origins: Origins = ()
    """Exact origins, `https://app.example.com, https://…`. Empty: no page but our own."""
    max_age: int = Field(default=600, ge=0, le=7200)
    """Seconds for which a browser may remember the answer to a preflight."""


class Verdict(Enum):
    """What the guard makes of a request's origin."""

    NOT_CROSS_ORIGIN = "no origin, or our own"
    ALLOWED = "on the list"
    REFUSED = "foreign"


def judge(
    origins: Sequence[bytes],
    own: bytes,
    allowed: Collection[bytes],
    method: str,
    fetch_sites: Sequence[bytes],
) -> Verdict:
    """Decide on a request by its Origin and `Sec-Fetch-Site` headers, every value of each.

    A request without an Origin is a server's or a plain navigation: it passes, unless it would
    change something and its browser says that another site caused it, or says what no browser
    says: twice the same, or a word that is not known.
    """
    if not origins:
        if method in SAFE_METHODS or not fetch_sites:
            return Verdict.NOT_CROSS_ORIGIN
        is_ours = len(fetch_sites) == 1 and fetch_sites[0] in OWN_SITES
        return Verdict.NOT_CROSS_ORIGIN if is_ours else Verdict.REFUSED
    if len(origins) > 1:
        return Verdict.REFUSED  # no browser sends two; whoever reads the other one is deceived
    if origins[0] in allowed:
        return Verdict.ALLOWED
    return Verdict.NOT_CROSS_ORIGIN if origins[0] == own else Verdict.REFUSED


def may_send(methods: Sequence[bytes], names: Iterable[bytes]) -> bool:
    """Whether a preflight asks for one method and for headers that we take.

    Args:
        methods: every value of `Access-Control-Request-Method`; methods are case-sensitive.
        names: every value of `Access-Control-Request-Headers`, each a list with commas.
    """
    asked = {name.strip().lower() for name in b",".join(names).split(b",")} - {b""}
    known = {name.encode("ascii") for name in REQUEST_HEADERS}
    return len(methods) == 1 and methods[0].decode("latin-1") in METHODS and asked <= known


class OriginRefused(ServiceError):
    """403: the page that sent this may not use the service, or not in this way."""

    status, slug, layer = 403, "origin-refused", "cors"


class CorsMiddleware:
    """Refuses foreign origins, answers preflights, lets allowed pages read the answers."""

    def __init__(self, app: ASGIApp, settings: CorsSettings) -> None:
        self.app = app
        self.preflight_headers = {
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": ", ".join(REQUEST_HEADERS),
            "Access-Control-Max-Age": str(settings.max_age),
        }
        self.allowed = {
            origin.encode("ascii"): _grant(origin) for origin in settings.allowed_origins
        }

    # Not async, nor is what it sends with: whoever awaits them waits for the next one directly.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Judge the request before anything else sees it."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        headers = headers_of(scope)
        origins = headers.values(b"origin")
        own = _own_origin(scope, headers) if origins else b""
        fetch_sites = headers.values(b"sec-fetch-site")
        verdict = judge(origins, own, self.allowed, scope["method"], fetch_sites)
        if verdict is Verdict.REFUSED:
            return _refuse(scope, "origin")(scope, receive, _adding_headers(send, []))
        if verdict is Verdict.NOT_CROSS_ORIGIN:
            return self.app(scope, receive, _adding_headers(send, []))
        if scope["method"] == "OPTIONS" and headers.values(b"access-control-request-method"):
            return self._preflight(scope, headers)(scope, receive, send)
        return self.app(scope, receive, _adding_headers(send, self.allowed[origins[0]]))

    def _preflight(self, scope: Scope, headers: RequestHeaders) -> Response:
        """Answer what an allowed page may send; for anything else, nothing is granted."""
        methods = headers.values(b"access-control-request-method")
        if may_send(methods, headers.values(b"access-control-request-headers")):
            answer = Response(status_code=204, headers=self.preflight_headers)
            answer.headers["Access-Control-Allow-Origin"] = headers.values(b"origin")[0].decode()
        else:
            answer = _refuse(scope, "preflight")
        answer.headers["Vary"] = PREFLIGHT_VARY
        return answer


def _own_origin(scope: Scope, headers: RequestHeaders) -> bytes:
    """Return the origin of our own pages: layer 1 has seen to it that there is one Host, ours."""
    scheme: str = scope["scheme"]
    return scheme.encode("ascii") + b"://" + b"".join(headers.values(b"host"))


def _grant(origin: str) -> HeaderList:
    return [
        (b"access-control-allow-origin", origin.encode("ascii")),
        (b"access-control-expose-headers", EXPOSED.encode("ascii")),
    ]


def _refuse(scope: Scope, reason: str) -> Response:
    headers = headers_of(scope)
    said: dict[str, Any] = {
        field: printable(b", ".join(values))
        for field, name in LOGGED.items()
        if (values := headers.values(name))
    }
    log_event(Event.ORIGIN_REFUSED, reason=reason, **said)
    return problem_response(scope, OriginRefused("Pages of this origin may not do that here."))


def _adding_headers(send: Send, grant: HeaderList) -> Send:
    """Return a `send` that puts the grant and `Vary: Origin` onto the answer.

    Vary stands on answers without a grant too: a cache must not give one page's answer to another.
    """

    def send_with_headers(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = with_cors_headers(message.get("headers", ()), grant)
        return send(message)

    return send_with_headers


def with_cors_headers(given: Iterable[tuple[bytes, bytes]], grant: HeaderList) -> HeaderList:
    """Return a route's headers with ours in the place of its own grants, and one joined Vary."""
    given = list(given)
    kept = [item for item in given if item[0].lower() not in _OURS]
    kept.append(VARY if len(kept) == len(given) else (b"vary", _joined_vary(given)))
    kept += grant
    return kept


def _joined_vary(given: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a route's own Vary with Origin in front; names are told apart without their case."""
    names = {b"origin": b"Origin"}
    for name in b",".join(value for name, value in given if name.lower() == b"vary").split(b","):
        if stripped := name.strip():
            names.setdefault(stripped.lower(), stripped)
    return b", ".join(names.values())
