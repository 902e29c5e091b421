"""The kinds of programs there are."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """What a client is taken for. The order is the precedence when several apply.

    The purpose that does most harm comes first: an AI crawler that is a search engine too is an AI
    crawler. A claim to be a search engine comes before the harmless ones, so that it is verified
    whatever else the name says.
    """

    SCANNER = "scanner"
    AI_CRAWLER = "ai-crawler"
    SCRAPER = "scraper"
    BROWSER_AUTOMATION = "browser-automation"
    ARCHIVER = "archiver"
    SEO = "seo"
    ADVERTISING = "advertising"
    SEARCH_ENGINE = "search-engine"
    ACADEMIC = "academic"
    SOCIAL_PREVIEW = "social-preview"
    FEED_READER = "feed-reader"
    MONITORING = "monitoring"
    HTTP_LIBRARY = "http-library"

    UNNAMED = "unnamed"
    """No user agent, or an empty one. Every browser and nearly every library has one."""
    MALFORMED = "malformed"
    """Two user agents, or one that is longer than any real one."""
    IMPOSTOR = "impostor"
    """Calls itself a search engine from an address that is none of theirs."""
    SPOOFED_BROWSER = "spoofed-browser"
    """Calls itself a current browser and does not send what one sends."""
    MISBEHAVING = "misbehaving"
    """Whatever its name is, it does what no honest client does; or several things together say so.
    """
