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
    from app.layers.bots.local.user_agents import Claim
    from app.layers.bots.provider import Sighting

_SITES = frozenset({b"same-origin", b"same-site", b"cross-site", b"none"})

NO_FETCH_METADATA = (REFUSE_SCORE, "no Sec-Fetch-Site")
"""Alone enough: pages can't keep a browser from sending it (a forbidden request header)."""
WRONG_FETCH_METADATA = (REFUSE_SCORE, "Sec-Fetch-Site that no browser sends")
NO_FETCH_MODE = (40, "no Sec-Fetch-Mode")
NO_LANGUAGE = (40, "no Accept-Language")
NO_ACCEPT = (40, "no Accept")
NO_CLIENT_HINTS = (40, "no Sec-CH-UA")
NO_GREASE = (40, "no GREASE in the TLS handshake")

Signal = tuple[int, str]


def signals(sighting: Sighting, claim: Claim) -> list[Signal]:
    """Return what does not fit the browser that a user agent claims, each with its weight."""
    # Browsers keep fetch metadata and client hints for HTTPS.
    if not claim.sends_fetch_metadata or sighting.scheme != "https":
        return []
    values = sighting.headers.values
    site = values(b"sec-fetch-site")
    if not site:
        return [NO_FETCH_METADATA]
    if len(site) != 1 or site[0] not in _SITES:
        return [WRONG_FETCH_METADATA]
    found = []
    if not values(b"sec-fetch-mode"):
        found.append(NO_FETCH_MODE)
    if not values(b"accept-language"):
        found.append(NO_LANGUAGE)
    if not values(b"accept"):
        found.append(NO_ACCEPT)
    if claim.is_chromium:
        if not values(b"sec-ch-ua"):
            found.append(NO_CLIENT_HINTS)
        if sighting.greases is False:
            found.append(NO_GREASE)
    return found
