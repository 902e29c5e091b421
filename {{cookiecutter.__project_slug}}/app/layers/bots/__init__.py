"""Layer 5, bots: which programs may use the service.

Stops: what declares itself and is unwanted (AI crawlers, scanners, scraping frameworks, automated
browsers, SEO, advertising and archive crawlers), what has no name, what calls itself a search
engine from an address that is none of a search engine's, and what calls itself a current browser
without the headers that every such browser sends.
Does not stop: a program that takes a plain client's name, or a browser's with all of its headers;
the rate limits still hold for it. Plain HTTP clients are let through: this is an API.
When its dependency is down: it has none; data and networks are shipped with the service.
Standard: OWASP Automated Threats (OAT-004, -011, -014, -018); RFC 9110 §10.1.5 (User-Agent); Fetch
Metadata (W3C); ASVS 5.0 V2.4.1.
"""

from __future__ import annotations

from app.layers.bots.categories import Category
from app.layers.bots.judge import Judge, Verdict
from app.layers.bots.middleware import BotRefused, BotsMiddleware
from app.layers.bots.settings import BotsSettings
from app.layers.bots.user_agents import UserAgents

__all__ = [
    "BotRefused",
    "BotsMiddleware",
    "BotsSettings",
    "Category",
    "Judge",
    "UserAgents",
    "Verdict",
]
