"""Layer 2, headers: what the browser is told never to do with our answers.

Stops: clickjacking (frame-ancestors, X-Frame-Options), script execution in an answer opened as a
page (CSP `default-src 'none'`), MIME sniffing, referrer leaks, caching of personal answers by
browsers and proxies, downgrade after the first visit (HSTS).
Does not stop: anything against a client that is not a browser.
When its dependency is down: it has none.
Standard: OWASP Secure Headers Project; ASVS 5.0 V3.4; RFC 6797 (HSTS), RFC 9111 (no-store).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure import (
    CacheControl,
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)

from app.layers import LayerSettings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadersSettings(LayerSettings):
    """`HEADERS__*`."""

    hsts_max_age: int = 63_072_000
    """Seconds. Two years, Mozilla server-side TLS 6.0."""
    hsts_preload: bool = False
    """(!) Asks browsers to ship this domain as HTTPS-only; it takes months to take back."""


def policy(settings: HeadersSettings) -> dict[bytes, bytes]:
    """Return the headers every answer wears, lower-case names, ready for the wire."""
    hsts = StrictTransportSecurity().max_age(settings.hsts_max_age).include_subdomains()
    built = Secure(
        hsts=hsts.preload() if settings.hsts_preload else hsts,
        csp=ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'"),
        xfo=XFrameOptions().deny(),
        xcto=XContentTypeOptions().nosniff(),
        referrer=ReferrerPolicy().no_referrer(),
        permissions=PermissionsPolicy().camera().geolocation().microphone().usb(),
        coop=CrossOriginOpenerPolicy().same_origin(),
        corp=CrossOriginResourcePolicy().same_origin(),
        cache=CacheControl().no_store(),
    )
    return {
        name.lower().encode("ascii"): value.encode("ascii") for name, value in built.header_items()
    }


class HeadersMiddleware:
    """Adds each header of the policy that the answer does not already carry, exactly once."""

    def __init__(self, app: ASGIApp, settings: HeadersSettings) -> None:
        self.app = app
        self.policy = policy(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; dress the answer when it starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def dress(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(item for item in self.policy.items() if item[0] not in present),
                ]
            await send(message)

        await self.app(scope, receive, dress)
