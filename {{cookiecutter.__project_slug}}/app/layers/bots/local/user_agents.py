"""What a user agent says about its sender."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import re2
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from app.layers.bots.categories import Category
from app.layers.bots.local.overlay import (
    CRAWLING,
    NO_BOTS,
    OVERLAY,
    PRECEDENCE,
    RECLASSIFIED,
    SHORT,
)
from app.layers.bots.local.search_engines import Engine, engine_of

MAX_BYTES = 1024
"""The longest of real browsers, in-app ones included, stay below 600."""
CACHE_SIZE = 4096
"""User agents remembered, at most 4 MiB of them."""

FETCH_METADATA_SINCE = 90
"""Chromium sends Sec-Fetch-Site since 80, Firefox since 90; below, it is left at that."""

# Gecko right before Firefox: browsers made from old Firefox sources name both, but not so; but for
# SeaMonkey, which takes the name of a Firefox that is much younger than what it is made from.
_BROWSER = re.compile(rb"(?:\b(Chrome)/|\bGecko/[0-9.]+ Firefox/(?!.* SeaMonkey/))([0-9]{2,4})\b")


class Browser(NamedTuple):
    """A family of browsers, in versions that send `Sec-Fetch-Site` with every HTTPS request."""

    sends: frozenset[bytes]
    """The fields that all of its requests have, whatever they are for."""
    greases: bool
    """Whether it offers a reserved cipher in the TLS handshake (RFC 8701)."""


FIREFOX = Browser(
    frozenset({b"sec-fetch-site", b"sec-fetch-mode", b"accept-language", b"accept"}), greases=False
)
CHROMIUM = Browser(FIREFOX.sends | {b"sec-ch-ua"}, greases=True)


class Claim(NamedTuple):
    """What a user agent claims to be."""

    category: Category | None
    """None for what is no known program: a browser, or a client of somebody's own."""
    browser: Browser | None = None
    """The browser it claims to be, if that is one of those whose requests are well known."""
    engine: Engine | None = None
    """The search engine that it names, if it can be told from others who name it."""


def _category_of(pattern: str, tags: list[str]) -> Category:
    """Return what a pattern of the data stands for; a tag that is new to us is an error here."""
    if pattern in RECLASSIFIED:
        return RECLASSIFIED[pattern]
    return min(map(Category, tags), key=PRECEDENCE.__getitem__)


class UserAgents:
    """Classifies user agents with all patterns in one automaton.

    RE2 is linear in the input: no user agent can make it slow (a library of backtracking patterns
    took seconds for one of 8 KB). It matches bytes, so nothing needs to be valid UTF-8.
    """

    def __init__(self) -> None:
        options = re2.Options()
        options.never_capture = True
        options.log_errors = False
        options.max_mem = 32 << 20
        options.encoding = re2.Options.Encoding.LATIN1
        self._set = re2.Set.SearchSet(options)
        self._categories: list[Category] = []
        for entry in CRAWLER_USER_AGENTS_DATA:
            pattern = entry["pattern"]
            if pattern not in NO_BOTS:
                is_plain = len(pattern) >= SHORT and CRAWLING.search(pattern) is not None
                in_case = f"(?i){pattern}" if is_plain else pattern
                self._add(in_case, _category_of(pattern, entry["tags"]))
        for pattern, category in OVERLAY:
            self._add(f"(?i){pattern}", category)
        self._set.Compile()
        # On the instance, so that the cache goes when it goes.
        self.claim = lru_cache(maxsize=CACHE_SIZE)(self._claim)

    def _add(self, pattern: str, category: Category) -> None:
        self._set.Add(pattern.encode("latin-1"))
        self._categories.append(category)

    def _claim(self, user_agent: bytes) -> Claim:
        """Return what it claims to be. The same user agent is looked at once while remembered."""
        if not user_agent.strip():
            return Claim(Category.UNNAMED)
        if len(user_agent) > MAX_BYTES:
            return Claim(Category.MALFORMED)
        found = self._set.Match(user_agent)
        if found:
            categories = (self._categories[index] for index in found)
            category = min(categories, key=PRECEDENCE.__getitem__)
            is_engine = category is Category.SEARCH_ENGINE
            return Claim(category, engine=engine_of(user_agent) if is_engine else None)
        browser = _BROWSER.search(user_agent)
        if browser is None or int(browser[2]) < FETCH_METADATA_SINCE:
            return Claim(None)
        return Claim(None, FIREFOX if browser[1] is None else CHROMIUM)
