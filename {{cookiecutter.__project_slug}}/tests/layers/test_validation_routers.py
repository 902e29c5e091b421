"""A domain's router says at once that a path is none of its own; it must not say so of one that is.

FastAPI would find the same route without that, only later.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from fastapi import APIRouter, FastAPI

from app.layers.validation import Router
from app.layers.validation.routes import StrictRoute
from tests.layers.small_app import client_of, small_app

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

PREFIXES = ("", "/api/v1/notes", "/teams/{team}/notes", "/a.c", "/notes")
OUTER = ("", "/outer", "/of/{whom}")
PATHS = (
    "/api/v1/notes",
    "/api/v1/notes/7",
    "/api/v1/notesx",
    "/api/v1/NOTES/7",
    "/API/V1/notes",
    "/outer/api/v1/notes/7",
    "/outer/teams/red/notes/7",
    "/outer/a.c/7",
    "/outer/notes/7",
    "/outer/7",
    "/of/ann/api/v1/notes/7",
    "/of/ann/teams/red/notes",
    "/of/ann/a.c/7",
    "/of/ann/notes/7",
    "/of/ann/7",
    "/teams/red/notes/7",
    "/a.c/7",
    "/abc/7",
    "/notes",
    "/notes/7",
    "//notes/7",
    "/notes/7/",
    "/7",
    "/",
    "/api/v1%2Fnotes",
    "/%6eotes/7",
)


def _app(make: Callable[..., APIRouter], prefix: str, outer: str) -> FastAPI:
    router = make(prefix=prefix)

    @router.get("/{number}")
    async def read(number: str) -> str:
        return f"read {number}"

    if prefix:

        @router.get("")
        async def read_all() -> str:
            return "read all"

    app = small_app()
    app.include_router(router, prefix=outer)
    return app


@pytest.mark.parametrize(("prefix", "outer"), list(product(PREFIXES, OUTER)))
async def test_the_same_routes_are_found_as_by_a_plain_router(prefix: str, outer: str) -> None:
    apps = [_app(make, prefix, outer) for make in (Router, APIRouter)]
    found = []
    for app in apps:
        async with client_of(app) as client:
            sent = [await client.get(path) for path in PATHS]
            sent += [await client.delete(path) for path in PATHS[:2]]
            found.append([(answer.status_code, answer.text[:10]) for answer in sent])
    assert found[0] == found[1]
    assert 200 in {status for status, _ in found[0]}


def test_its_routes_are_strict() -> None:
    router = Router()
    assert router.route_class is StrictRoute
