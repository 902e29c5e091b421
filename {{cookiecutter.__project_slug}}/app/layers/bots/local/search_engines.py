"""The search engines that can be told from those who only use their names.

Each says itself how its crawlers are known: by published networks, or by the names that their
addresses have in DNS. One that says neither can't be told from an impostor; whoever wants it names
its networks in `BOTS__SEARCH_ENGINE_NETWORKS`.
"""

from __future__ import annotations

import ipaddress
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.layers import Network
    from app.layers.bots.local.reverse_dns import ReverseDns

RANGES = Path(__file__).with_name("search_engine_ranges.json")
"""The published networks, neighbouring ones merged; `refresh_ranges.py` renews them."""


class Engine(NamedTuple):
    """A search engine: what its crawlers call themselves, and where their addresses' names end."""

    name: str
    agent: str
    domains: tuple[str, ...]


ENGINES: tuple[Engine, ...] = (
    # Not googleusercontent.com, which Google's reverse DNS names too: whoever rents a machine there
    # is under it.
    Engine("googlebot", r"google", ("googlebot.com", "google.com")),
    Engine("bingbot", r"bingbot|msnbot|bingpreview", ("search.msn.com",)),
    Engine("yandex", r"yandex", ("yandex.ru", "yandex.net", "yandex.com")),
    Engine("baidu", r"baidu", ("crawl.baidu.com", "crawl.baidu.jp")),
    Engine("applebot", r"applebot", ("applebot.apple.com",)),
    Engine("yahoo", r"slurp|yahoo", ("crawl.yahoo.net",)),
    Engine("seznam", r"seznam", ("seznam.cz",)),
    Engine("naver", r"\byeti\b|naver", ("naver.com",)),
    Engine("petal", r"petalbot|aspiegel", ("petalsearch.com",)),
    Engine("sogou", r"sogou", ("crawl.sogou.com",)),
    Engine("mojeek", r"mojeek", ("mojeek.com",)),
    Engine("qwant", r"qwant", ("qwant.com",)),
)
_AGENTS = tuple((re.compile(one.agent.encode("ascii"), re.IGNORECASE), one) for one in ENGINES)


def engine_of(user_agent: bytes) -> Engine | None:
    """Return the engine that a user agent names, the first of several."""
    return next((engine for pattern, engine in _AGENTS if pattern.search(user_agent)), None)


def published_networks(path: Path = RANGES) -> dict[str, tuple[Network, ...]]:
    """Return the networks of each engine that publishes them."""
    found = json.loads(path.read_text("utf-8"))
    return {
        name: tuple(map(ipaddress.ip_network, entry["networks"])) for name, entry in found.items()
    }


def plain_address(client: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, IPv4 in IPv6 as IPv4; None for what is none."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class SearchEngines:
    """Tells a search engine's crawlers from those who only use its name.

    Args:
        always: networks from which every claim is believed.
        reverse_dns: asked about addresses that are in no published network; None asks nobody.
    """

    def __init__(self, always: Sequence[Network], reverse_dns: ReverseDns | None = None) -> None:
        self._always = tuple(always)
        self._published = published_networks()
        self._reverse_dns = reverse_dns
        self._is_listed = lru_cache(maxsize=4096)(self._lies_in_networks)

    def is_one(self, engine: Engine | None, client: str) -> bool:
        """Whether a client is the engine that it calls itself, as far as is known now.

        It never waits. An address of which nothing is known is looked up in the background: its
        first requests are refused, the later ones let through.
        """
        name = engine.name if engine is not None else ""
        if self._is_listed(name, client):
            return True
        if engine is None or self._reverse_dns is None:
            return False
        return self._reverse_dns.confirms(client, engine.domains)

    def _lies_in_networks(self, name: str, client: str) -> bool:
        address = plain_address(client)
        if address is None:
            return False
        networks = (*self._always, *self._published.get(name, ()))
        return any(address in network for network in networks)
