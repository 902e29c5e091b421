"""Layer 5, bots: which programs may use the service.

Stops: what declares itself and is unwanted (AI crawlers, scanners, scraping frameworks, automated
browsers, SEO, advertising and archive crawlers), what has no name, what calls itself a search
engine from an address that is none of that search engine's, what calls itself a current browser
and sends neither the headers nor the TLS handshake of one, and whoever behaves as no honest client
does (`local/behaviour/`). What speaks against a request adds up to a score: it is let through, held
for a moment or refused.
HTTP libraries are let through where a token is asked for: authentication tells an API's clients
from the scripts that copy pages. On public routes they are refused unless the route says otherwise
(`@bots.allow`), as the ones do that a client needs to get a token.
Does not stop: a program that takes a plain client's name, or a browser's with all that belongs to
it, and behaves like a person; the rate limits still hold for it.
When its dependency is down: without Redis each worker goes by what it saw itself. Without DNS, a
search engine outside of the published networks is refused until it can be looked up. Arcjet, if it
is chosen, has its time; then `BOTS__ARCJET_ON_ERROR` decides.
Standard: OWASP Automated Threats (OAT-004, -008, -011, -014, -018); RFC 9110 §10.1.5 (User-Agent);
RFC 8701 (GREASE); Fetch Metadata (W3C); ASVS 5.0 V2.4.1.
"""

from __future__ import annotations

from app.layers.bots.categories import Category
from app.layers.bots.choice import open_bots
from app.layers.bots.decorators import allow, exempt
from app.layers.bots.middleware import BotRefused, BotsMiddleware
from app.layers.bots.policy import Routes
from app.layers.bots.provider import Decision, Provider, Verdict
from app.layers.bots.settings import BotsSettings

__all__ = [
    "BotRefused",
    "BotsMiddleware",
    "BotsSettings",
    "Category",
    "Decision",
    "Provider",
    "Routes",
    "Verdict",
    "allow",
    "exempt",
    "open_bots",
]
