"""Who is refused: `BOTS__*`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from app.layers import GivenNetwork, LayerSettings, comma_separated
from app.layers.bots.categories import Category

Categories = Annotated[tuple[Category, ...], comma_separated]
Networks = Annotated[tuple[GivenNetwork, ...], comma_separated]


class BotsSettings(LayerSettings):
    """`BOTS__*`."""

    provider: Literal["local", "arcjet"] = "local"
    """Who judges: this service by itself, or Arcjet, which is told of every request."""
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
        Category.MISBEHAVING,
    )
    """Categories that get no answer. Monitoring is wanted, and previews and feeds are read for a
    person."""
    monitor: Categories = ()
    """Categories that are only logged, whatever else is enforced: to try a stricter policy."""
    authenticated: Categories = (Category.HTTP_LIBRARY,)
    """Categories that are let through where a token is asked for, and refused on public routes
    that don't allow them with `@bots.allow`. HTTP libraries are an API's clients, and the tools
    that copy public pages too; a token tells them apart."""
    search_engine_networks: Networks = ()
    """From these, whoever calls itself a search engine is believed, beside the published networks
    and what reverse DNS confirms."""
    behaviour_clients: int = Field(default=100_000, ge=1_000, le=10_000_000)
    """Clients whose behaviour is remembered, the ones last seen; in Redis, about 300 bytes each."""

    arcjet_key: SecretStr | None = None
    """The site's key. Needed with the provider `arcjet`."""
    arcjet_timeout: float = Field(default=0.5, gt=0, le=5)
    """Seconds that a request waits for Arcjet at most."""
    arcjet_on_error: Literal["allow", "refuse"] = "allow"
    """What becomes of a request when Arcjet gave no answer in time."""

    @model_validator(mode="after")
    def _arcjet_can_be_used(self) -> Self:
        if self.provider == "arcjet" and not (
            self.arcjet_key and self.arcjet_key.get_secret_value()
        ):
            raise ValueError("the provider arcjet needs BOTS__ARCJET_KEY or BOTS__ARCJET_KEY_FILE")
        if self.provider == "arcjet" and find_spec("arcjet") is None:
            raise ValueError(
                "the provider arcjet is not installed: pip install -r requirements/arcjet.lock"
            )
        return self
