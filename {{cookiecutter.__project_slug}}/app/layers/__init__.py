"""The ten layers. `ls app/layers` is the security inventory.

Every room reads in the same order: a docstring (what it stops, what it does not, what happens when
its dependency is down, the standard it follows), its settings, its decision as a pure function or
class that knows no ASGI, and last the middleware or dependency that applies it.
"""

from __future__ import annotations

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
