"""The header fields of the request in hand, indexed once for all layers.

Each layer asks for a few names. To walk the list for each of them cost more than the layers
themselves; so the first one that asks makes an index, and the scope carries it to the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

SCOPE_KEY = "app.request_headers"


class RequestHeaders:
    """Every value of every field, as it came. A field that was sent twice never looks like one."""

    __slots__ = ("_by_name", "_has_repeats", "fields")

    def __init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self.fields = fields
        # The last of several wins here, so these are only looked at when there are none.
        self._by_name = dict(fields)
        self._has_repeats = len(self._by_name) != len(fields)

    def values(self, name: bytes) -> tuple[bytes, ...]:
        """Return every value of a field, in order; the name is in lower case."""
        if self._has_repeats:
            return tuple(value for field, value in self.fields if field == name)
        value = self._by_name.get(name)
        return () if value is None else (value,)

    def has_all(self, names: frozenset[bytes]) -> bool:
        """Whether each of these fields was sent."""
        return self._by_name.keys() >= names


def headers_of(scope: Scope) -> RequestHeaders:
    """Return the index of this scope's header fields; ASGI has their names in lower case."""
    fields = scope["headers"]
    headers: RequestHeaders | None = scope.get(SCOPE_KEY)
    if headers is None or headers.fields is not fields:
        headers = scope[SCOPE_KEY] = RequestHeaders(fields)
    return headers
