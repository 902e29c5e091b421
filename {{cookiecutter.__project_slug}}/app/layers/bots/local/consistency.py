"""Holds a browser's name against what such a browser sends.

A program that copies a browser's user agent has to copy the rest as well: its headers, and its TLS
handshake. One oddity has honest causes (a privacy extension, an office whose proxy looks into TLS,
which 4 to 11 % of connections met when it was measured: Durumeric et al., NDSS 2017), so each has a
weight, and it takes several to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.layers.bots.local.behaviour import REFUSE_SCORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.layers.bots.local.user_agents import Browser
    from app.request_headers import RequestHeaders

Signal = tuple[int, str]
"""What it weighs, and what the log is told."""

NOTHING_FOUND: Sequence[Signal] = ()
_SITES = frozenset({(b"same-origin",), (b"same-site",), (b"cross-site",), (b"none",)})
NO_FETCH_METADATA: Signal = (REFUSE_SCORE, "no Sec-Fetch-Site")
"""Alone enough: pages can't keep a browser from sending it (a forbidden request header)."""
WRONG_FETCH_METADATA: Signal = (REFUSE_SCORE, "Sec-Fetch-Site that no browser sends")
MISSING: dict[bytes, Signal] = {
    b"sec-fetch-mode": (40, "no Sec-Fetch-Mode"),
    b"accept-language": (40, "no Accept-Language"),
    b"accept": (40, "no Accept"),
    b"sec-ch-ua": (40, "no Sec-CH-UA"),
}
NO_GREASE: Signal = (40, "no GREASE in the TLS handshake")
_NOT_GREASED = (b"0",)
"""nginx says 1 or 0, and clears what a client says itself; another proxy says nothing."""


def signals(headers: RequestHeaders, browser: Browser) -> Sequence[Signal]:
    """Return what does not fit the browser that a user agent claims, each with its weight."""
    site = headers.values(b"sec-fetch-site")
    is_greased = not browser.greases or headers.values(b"x-tls-grease") != _NOT_GREASED
    if site in _SITES and is_greased and headers.has_all(browser.sends):
        return NOTHING_FOUND  # as nearly every browser's request
    if site not in _SITES:
        return (WRONG_FETCH_METADATA,) if site else (NO_FETCH_METADATA,)
    lacking = (name for name in MISSING if name in browser.sends and not headers.values(name))
    found = [MISSING[name] for name in lacking]
    return found if is_greased else [*found, NO_GREASE]
