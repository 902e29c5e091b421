"""Layer 2, headers: what the browser is told never to do with our answers.

Stops: clickjacking (frame-ancestors, X-Frame-Options), script execution in an answer opened as a
page (CSP `default-src 'none'`), MIME sniffing, referrer leaks, caching of personal answers by
browsers and proxies, downgrade after the first visit (HSTS), names and versions of software.
Does not stop: anything against a client that is not a browser; a Set-Cookie or Clear-Site-Data
that a route sets itself, or hands on from another service: what they do is the route's own matter.
When its dependency is down: it has none.
Standard: OWASP Secure Headers Project; ASVS 5.0 V3.4, V13.4.6; RFC 6797 (HSTS), RFC 9111
(no-store), CSP3 §8.1 (several policies).

The policy wins over what a route set. A route's own CSP is joined to ours, and a browser enforces
both, so it can only tighten. What loosens has a name in `Relaxation`, and the route asks for it:
`dependencies=[Depends(relax(Relaxation.PAGE))]`.

Left out of OWASP's list, since this is an API: Clear-Site-Data (it would clear the storage of our
origin, and there is none: tokens live with the page that asked for them),
Cross-Origin-Embedder-Policy (our answers embed nothing; beside COOP it would only unlock shared
memory). Not on that list, and hints for pages at best: Origin-Agent-Cluster,
X-DNS-Prefetch-Control. X-XSS-Protection opened holes of its own and is gone from browsers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation of a dependency
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import Field
from secure import (
    CacheControl,
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    CustomHeader,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)

from app.layers import LayerSettings
from app.request_context import context_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator, Sequence

    from fastapi import FastAPI
    from fastapi.dependencies.models import Dependant
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP = b"content-security-policy"
CACHE_CONTROL = b"cache-control"
NEVER_SENT = frozenset({b"server", b"x-powered-by", b"x-generator", b"x-request-id"})
"""What no route may say: the first three name software, and a route that hands on another
service's answer would name that one's; the last is the logs layer's to say."""
_REFUSAL = 400


class HeadersSettings(LayerSettings):
    """`HEADERS__*`."""

    hsts_max_age: int = Field(default=63_072_000, ge=0)
    """Seconds. Two years, Mozilla server-side TLS 6.0."""
    hsts_preload: bool = False
    """(!) Asks browsers to ship this domain as HTTPS-only; it takes months to take back."""


class Relaxation(Enum):
    """Every way in which an answer may be dressed more loosely than the policy says."""

    PAGE = (
        CSP,
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    )
    """A page of ours with script, style and images from files of ours; nothing inline, no forms."""
    REVALIDATED = (CACHE_CONTROL, b"no-cache")
    """Public, the same for everybody, and asked for again with its ETag each time."""
    CACHED = (CACHE_CONTROL, b"public, max-age=300")
    """Public, the same for everybody, and good for five minutes."""


@dataclass(frozen=True, slots=True)
class Relax:
    """A dependency that notes what its route asked for; see `relax`."""

    relaxations: tuple[Relaxation, ...]

    async def __call__(self, request: Request) -> None:
        """Note it in the request's context, where the middleware finds it."""
        context_of(request.scope).relaxations = self.relaxations


def relax(*relaxations: Relaxation) -> Relax:
    """Return a dependency that loosens its route's answers, unless they are errors.

    Raises:
        ValueError: nothing is asked for, or two values for one header.
    """
    if not relaxations or len({one.value[0] for one in relaxations}) < len(relaxations):
        raise ValueError("name at least one relaxation, and one for each header at most")
    return Relax(relaxations)


def policy(settings: HeadersSettings) -> dict[bytes, bytes]:
    """Return the headers every answer wears, lower-case names, ready for the wire."""
    hsts = StrictTransportSecurity().max_age(settings.hsts_max_age).include_subdomains()
    # What default-src does not cover (CSP3 §6.1.3) is named by itself.
    csp = ContentSecurityPolicy().default_src("'none'").base_uri("'none'").form_action("'none'")
    built = Secure(
        hsts=hsts.preload() if settings.hsts_preload else hsts,
        csp=csp.frame_ancestors("'none'"),
        xfo=XFrameOptions().deny(),
        xcto=XContentTypeOptions().nosniff(),
        referrer=ReferrerPolicy().no_referrer(),
        permissions=PermissionsPolicy().camera().geolocation().microphone().usb(),
        coop=CrossOriginOpenerPolicy().same_origin(),
        corp=CrossOriginResourcePolicy().same_origin(),
        cache=CacheControl().no_store(),
        # Readers of PDF still ask for it, and users' files are among our answers.
        custom=[CustomHeader("X-Permitted-Cross-Domain-Policies", "none")],
    )
    return {
        name.lower().encode("ascii"): value.encode("ascii") for name, value in built.header_items()
    }


class Wardrobe:
    """Dresses answers. Knows no ASGI but its list of headers."""

    def __init__(self, settings: HeadersSettings) -> None:
        self.policy = policy(settings)
        self._items = list(self.policy.items())
        self._ours = frozenset(self.policy) | NEVER_SENT

    def dress(
        self, given: Iterable[tuple[bytes, bytes]], relaxations: Sequence[Relaxation] = ()
    ) -> list[tuple[bytes, bytes]]:
        """Return a route's headers with ours in the place of all that have the same names."""
        given, ours = list(given), self._ours
        kept = [item for item in given if item[0].lower() not in ours]
        if len(kept) == len(given) and not relaxations:  # nearly always
            kept += self._items
            return kept
        worn = self.policy | dict(one.value for one in relaxations)
        # Separated by commas, each policy is enforced (CSP3 §8.1).
        own = (value for name, value in given if name.lower() == CSP and value.strip())
        worn[CSP] = b", ".join([worn[CSP], *own])
        return [*kept, *worn.items()]


class HeadersMiddleware:
    """Sees to it that every answer wears each header of the policy exactly once."""

    def __init__(self, app: ASGIApp, settings: HeadersSettings) -> None:
        self.app = app
        self.wardrobe = Wardrobe(settings)

    # Not async, nor is `dress`: whoever awaits them waits for the next one's work directly.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on; dress the answer when it starts."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        context = context_of(scope)

        def dress(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                asked = context.relaxations if message["status"] < _REFUSAL else ()
                message["headers"] = self.wardrobe.dress(message.get("headers", ()), asked)
            return send(message)

        return self.app(scope, receive, dress)


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def relaxations(app: FastAPI) -> dict[str, tuple[Relaxation, ...]]:
    """Return what each route that asked for something asked for, by `METHOD path`."""
    return {
        f"{method} {context.path}": call.relaxations
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        for call in _calls(context.dependant)
        if isinstance(call, Relax)
        for method in sorted(context.methods or ())
    }
