"""Where a finding is, told in names of ours only. Pure.

pydantic puts the keys of a free dictionary into a finding's location: text of the client's, which
may be a secret in the wrong place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "(unknown field)"


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        for inner in schema.values():
            yield from _names(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _names(inner)


def names_in(annotation: Any) -> frozenset[str]:
    """Return the names of all fields of a body's type, at any depth."""
    return frozenset(_names(TypeAdapter(annotation).json_schema()))


def without_foreign_names(finding: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return a finding whose location holds the body's own names and positions alone."""
    place, *path = finding["loc"]
    if place != "body":
        return finding
    told = (part if isinstance(part, int) or part in known else UNKNOWN for part in path)
    return finding | {"loc": (place, *told)}
