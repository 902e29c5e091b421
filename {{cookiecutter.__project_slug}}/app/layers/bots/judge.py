"""Decides who is refused. Pure: headers and an address in, a verdict out."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from app.layers.bots.categories import Category
from app.layers.bots.user_agents import Claim, UserAgents

if TYPE_CHECKING:
    from app.layers.bots.settings import BotsSettings
    from app.request_headers import RequestHeaders


class Verdict(NamedTuple):
    """What a client is taken for, and what the policy makes of it."""

    category: Category | None
    refused: bool


class Judge:
    """Holds a request's headers and address against the policy."""

    def __init__(self, settings: BotsSettings) -> None:
        self._user_agents = UserAgents()
        self._networks = settings.search_engine_networks
        refused = frozenset(settings.refuse)
        # Made once: most requests get one of these few.
        self._verdicts = {
            category: Verdict(category, category in refused) for category in (None, *Category)
        }
        self._is_search_engine = lru_cache(maxsize=4096)(self._lies_in_networks)

    def judge(self, headers: RequestHeaders, client: str, *, encrypted: bool) -> Verdict:
        """Decide on a request.

        Args:
            headers: as they came.
            client: the address that the trusted proxy saw.
            encrypted: whether it came over HTTPS; browsers keep fetch metadata for that.
        """
        user_agents = headers.values(b"user-agent")
        if len(user_agents) > 1:
            # Two names: which one another program believes is anybody's guess.
            return self._verdicts[Category.MALFORMED]
        claim = self._user_agents.claim(user_agents[0] if user_agents else b"")
        has_fetch_metadata = bool(headers.values(b"sec-fetch-site"))
        spoofed = claim.sends_fetch_metadata and encrypted and not has_fetch_metadata
        return self._verdicts[self._believed(claim, client, spoofed=spoofed)]

    def _believed(self, claim: Claim, client: str, *, spoofed: bool) -> Category | None:
        if spoofed:
            return Category.SPOOFED_BROWSER
        if claim.category is Category.SEARCH_ENGINE and not self._is_search_engine(client):
            return Category.IMPOSTOR
        return claim.category

    def _lies_in_networks(self, client: str) -> bool:
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
