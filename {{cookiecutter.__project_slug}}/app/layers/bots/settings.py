"""Who is refused: `BOTS__*`."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from app.layers import GivenNetwork, LayerSettings, comma_separated
from app.layers.bots.categories import Category
from app.layers.bots.search_engines import BINGBOT, GOOGLEBOT

Categories = Annotated[tuple[Category, ...], comma_separated]
Networks = Annotated[tuple[GivenNetwork, ...], comma_separated]


class BotsSettings(LayerSettings):
    """`BOTS__*`."""

    mode: Literal["enforce", "monitor"] = "enforce"
    """`monitor` logs what `enforce` would refuse, and lets it through."""
    refuse: Categories = (
        Category.SCANNER,
        Category.AI_CRAWLER,
        Category.SCRAPER,
        Category.BROWSER_AUTOMATION,
        Category.ARCHIVER,
        Category.SEO,
        Category.ADVERTISING,
        Category.ACADEMIC,
        Category.UNNAMED,
        Category.MALFORMED,
        Category.IMPOSTOR,
        Category.SPOOFED_BROWSER,
    )
    """Categories that get no answer. HTTP libraries are an API's clients, monitoring is wanted, and
    previews and feeds are read for a person."""
    search_engine_networks: Networks = tuple(map(ip_network, GOOGLEBOT + BINGBOT))
    """Whoever calls itself a search engine is believed from these addresses only."""
