"""Which methods an address takes: what `Allow` must list on a 405, all of them (RFC 9110 §15.5.6).

Starlette names those of the first route of that address; ours have one method each. And it lets
`/users/{name}` answer for `/users/me` where the method is one that `/users/me` has not: an address
that is written out belongs to the routes that write it out, and to no other.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

if TYPE_CHECKING:
    import re

    from fastapi import FastAPI
    from starlette.requests import Request


@cache  # as many as there are routes: no request makes one
def _pattern(path: str) -> re.Pattern[str]:
    return compile_path(path)[0]


def _written_out(app: FastAPI) -> frozenset[str]:
    """Return the addresses without a parameter; the routes of an application stay as they are."""
    known: frozenset[str] | None = getattr(app.state, "addresses_written_out", None)
    if known is None:
        paths = (context.path for context in iter_route_contexts(app.routes))
        known = frozenset(path for path in paths if path is not None and "{" not in path)
        app.state.addresses_written_out = known
    return known


def belongs_to_another_route(request: Request) -> bool:
    """Whether a route with parameters was found for an address that another one writes out."""
    return bool(request.path_params) and request.scope["path"] in _written_out(request.app)


def allowed_methods(request: Request) -> str:
    """Return the methods that the address of a request takes, in `Allow`'s form."""
    path = request.scope["path"]
    is_written_out = path in _written_out(request.app)
    found = {
        method
        for context in iter_route_contexts(request.app.routes)
        if context.path is not None
        and (context.path == path if is_written_out else _pattern(context.path).match(path))
        for method in context.methods or ()
    }
    return ", ".join(sorted(found))
