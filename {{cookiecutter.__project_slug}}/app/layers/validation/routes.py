"""The route that every domain uses: it checks query and body before FastAPI reads them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Match
from typing_extensions import override

from app.allowed_methods import belongs_to_another_route
from app.layers.validation.bodies import is_json, parse_json
from app.layers.validation.locations import names_in, without_foreign_names
from app.layers.validation.queries import check_query, query_names
from app.layers.validation.refusals import TooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response
    from starlette.types import Scope

    from app.layers.validation.settings import ValidationSettings


class StrictRequest(Request):
    """A request whose JSON body was read within its bounds, and in the one way it can be read."""

    async def read_json(self, limits: ValidationSettings) -> None:
        """Read the body before FastAPI does: it would turn each of these refusals into one 400.

        Raises:
            TooLarge: it is longer than JSON may be; the rest is not read.
            Malformed: see `parse_json`.
        """
        chunks, size = [], 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > limits.max_json_bytes:
                raise TooLarge("The body is too large.")
            chunks.append(chunk)
        self.content = b"".join(chunks)
        # Without a body FastAPI says which fields are missing.
        parsed = parse_json(self.content, max_depth=limits.max_json_depth) if size else None
        self.value: Any = parsed

    async def body(self) -> bytes:
        """Return the body as it came."""
        return self.content

    async def json(self) -> Any:
        """Return what the body says."""
        return self.value


class StrictRoute(APIRoute):
    """A route that refuses unknown and repeated query parameters and bodies that are not JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler in the checks."""
        handle = super().get_route_handler()
        known = frozenset(query_names(self.dependant))
        body = self.body_field
        names = frozenset() if body is None else names_in(body.field_info.annotation)

        async def handle_strictly(request: Request) -> Response:
            if belongs_to_another_route(request):
                raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
            query: bytes = request.scope["query_string"]
            if query and (found := check_query(query.decode("latin-1"), known)):
                raise RequestValidationError(found)
            if body is not None:
                # Two of them: whoever reads the other one is deceived.
                if not is_json(", ".join(request.headers.getlist("content-type"))):
                    raise UnsupportedMediaType("The body must be application/json in UTF-8.")
                request = StrictRequest(request.scope, request.receive)
                await request.read_json(request.app.state.settings.validation)
            try:
                return await handle(request)
            except RequestValidationError as error:
                found = [without_foreign_names(item, names) for item in error.errors()]
                raise RequestValidationError(found) from error

        return handle_strictly


class Router(APIRouter):
    """What every domain makes its router with."""

    def __init__(self, *, prefix: str = "", **options: Any) -> None:
        super().__init__(prefix=prefix, route_class=StrictRoute, **options)
        self._literal = prefix.partition("{")[0]

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether a route of ours is meant, at once when none can be.

        Every path of ours holds our prefix to the letter, wherever we were included. FastAPI holds
        each request against every route of every router, one regular expression after the other:
        some 30 us of a request with thirty routes, measured.
        """
        if self._literal not in scope["path"]:
            return Match.NONE, {}
        return super().matches(scope)


class LaxRouteError(Exception):
    """A route was made with a plain APIRouter: its queries and bodies would go unchecked."""


def require_strict_routes(app: FastAPI) -> None:
    """Refuse to start with a route that is not strict.

    Raises:
        LaxRouteError: with the paths of such routes.
    """
    lax = [
        f"{method} {context.path}"
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        and not isinstance(context.original_route, StrictRoute)
        for method in sorted(context.methods or ())
    ]
    if lax:
        raise LaxRouteError(
            f"nothing would check the queries and bodies of {', '.join(lax)}; "
            "make the router with Router from app.layers.validation"
        )
