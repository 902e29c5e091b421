"""The ten layers. `ls app/layers` is the security inventory.

Every room reads in the same order: a docstring (what it stops, what it does not, what happens when
its dependency is down, the standard it follows), its settings, its decision as a pure function or
class that knows no ASGI, and last the middleware or dependency that applies it.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class LayerSettings(BaseModel):
    """Base of every settings section: immutable, and an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


comma_separated = BeforeValidator(_split_commas)
"""Lets a tuple setting be written as `a, b, c` in the environment."""

CommaSeparated = Annotated[tuple[str, ...], comma_separated]
"""A tuple of strings, written `a, b, c` in the environment."""


def parse_network(value: object) -> object:
    """Return the network that a text names, and what is no text as it is.

    Raises:
        ValueError: it names none. With host bits it may name one; the message says which.
    """
    if not isinstance(value, str):
        return value
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise ValueError("say an address or a network, such as 10.0.0.0/8") from None
    try:
        return ip_network(value)
    except ValueError:
        raise ValueError(f"a network has no host bits: {network}") from None


Network = IPv4Network | IPv6Network
GivenNetwork = Annotated[Network, BeforeValidator(parse_network)]
"""A network as a setting gives it."""
