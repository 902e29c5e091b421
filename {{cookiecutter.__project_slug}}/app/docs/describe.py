"""The API's description: what FastAPI can't know of it is said here, and what it guesses is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.docs.problems import (
    NAMED,
    OF_THE_EDGE,
    SCHEMA,
    Refusal,
    problem_schema,
    refusals_of_layers,
    responses_of,
)
from app.errors import Invalid, Malformed, NotFound, ServiceError, Unavailable
from app.layers.authentication import Unauthenticated
from app.layers.authorization import Authenticated, Forbidden, policies, scopes_of
from app.stack import STACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from app.docs.service import About

HOW_TO_AUTHORIZE = (
    "To authorize: log in with `POST /api/v1/accounts/login`, copy `access_token` from the answer, "
    "press **Authorize** and paste it."
)
BEARER = "bearer"
SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` that a login returns.",
}
FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")
"""What FastAPI believes a refused body is answered with; here that is a problem too."""
SCOPES = "scopes"
"""The format of a field that holds scopes: words that only the routes know."""


def _refusals(path: str, operation: dict[str, Any], *, asks: bool) -> Iterator[Refusal]:
    """Yield everything that an operation may be answered with instead."""
    yield from OF_THE_EDGE
    yield from refusals_of_layers({mount.layer for mount in STACK})
    yield from map(Refusal.of, (Malformed, Invalid, ServiceError, Unavailable))
    if asks:
        yield from map(Refusal.of, (Unauthenticated, Forbidden))
    if "{" in path:
        yield Refusal.of(NotFound)
    for response in operation["responses"].values():
        yield from (Refusal(*named) for named in response.get(NAMED, ()))


def _say_scopes(schema: Any, scopes: str) -> None:
    """Say which words there are, wherever scopes are taken."""
    if isinstance(schema, dict):
        if schema.get("format") == SCOPES:
            schema["pattern"] = f"^({scopes})( ({scopes}))*$"
            del schema["format"]
        for inner in schema.values():
            _say_scopes(inner, scopes)
    elif isinstance(schema, list):
        for inner in schema:
            _say_scopes(inner, scopes)


def _drop_null(schema: dict[str, Any]) -> None:
    """Describe a parameter that may be left out as what it is: no query has a null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema.update(kinds[0])


def _describe_operation(path: str, operation: dict[str, Any], *, asks: bool) -> dict[str, Any]:
    """Describe an operation, and return the responses that others may share, by name.

    It is summed up by the first line of its docstring instead of its function's name, and
    described by the others: those lines are for whoever calls the API.
    """
    if asks:
        operation["security"] = [{BEARER: []}]
    first, _, rest = operation.pop("description", "").partition("\n")
    if first:
        operation["summary"] = first.rstrip(".")
    if rest.strip():
        operation["description"] = rest.strip()
    refused = responses_of(_refusals(path, operation, asks=asks))
    for parameter in operation.get("parameters", ()):
        _drop_null(parameter["schema"])
    granted = {code: told for code, told in operation["responses"].items() if code < "4"}
    operation["responses"] = granted | {
        status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in refused.items()
    }
    return dict(refused.values())


def describe(app: FastAPI, about: About) -> dict[str, Any]:
    """Return the description: who may call what, and every answer there is.

    An operation asks for a bearer token if its access type does, so the two can't differ.
    """
    document = app.openapi()
    paragraphs = [part for part in (about.description, HOW_TO_AUTHORIZE) if part]
    document["info"] |= {"title": about.title, "description": "\n\n".join(paragraphs)}
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in FASTAPIS_OWN:
        schemas.pop(name, None)
    _say_scopes(schemas, "|".join(sorted(scopes_of(app))))
    schemas[SCHEMA] = problem_schema()
    components["securitySchemes"] = {BEARER: SCHEME}
    responses = components.setdefault("responses", {})
    asked = policies(app)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            asks = isinstance(asked.get(f"{method.upper()} {path}"), Authenticated)
            responses |= _describe_operation(path, operation, asks=asks)
    return document
