"""Which refusals an operation answers with, and how each looks, for the API's description.

What nginx and a layer of the stack refuse, every operation may answer. A policy adds its own. What
an endpoint refuses by itself, its route names:

    @router.post("/signup", status_code=201, responses=refuses(Conflict))
"""

from __future__ import annotations

import re
from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from app.errors import OPAQUE, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAMED = "x-problems"
"""Where a route's own refusals wait in its description until `responses_of` takes them."""
SCHEMA = "Problem"
_SUMMARY = re.compile(r"\d{3}: (?P<words>.+?)(?:[.;:](?:\s|$)|$)", re.DOTALL)
_RETRY_AFTER: dict[str, Any] = {
    "description": "Seconds after which it may be tried again.",
    "schema": {"type": "integer", "minimum": 1},
}
_CHALLENGE: dict[str, Any] = {
    "description": "Which token is needed, and where its issuer is described (RFC 9728).",
    "required": True,
    "schema": {"type": "string"},
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": _CHALLENGE},
    429: {"Retry-After": _RETRY_AFTER | {"required": True}},
    502: {"Retry-After": _RETRY_AFTER},
    503: {"Retry-After": _RETRY_AFTER},
    504: {"Retry-After": _RETRY_AFTER},
}


class Refusal(NamedTuple):
    """A kind of refusal, as a client is told of it."""

    status: int
    slug: str
    words: str
    name: str

    @classmethod
    def of(cls, error: type[ServiceError]) -> Refusal:
        """Return the one that an error stands for; its words are its docstring's first."""
        found = _SUMMARY.match(error.__doc__ or "")
        words = " ".join(found["words"].split()) if found else OPAQUE.rstrip(".")
        return cls(error.status, error.slug, f"{words[0].upper()}{words[1:]}.", error.__name__)


OF_THE_EDGE = (
    Refusal(408, "too-slow", "The request took too long to arrive.", "RequestTimeout"),
    Refusal(502, "unavailable", "The service can't be reached.", "BadGateway"),
    Refusal(504, "unavailable", "The service took too long to answer.", "GatewayTimeout"),
)
"""What nginx answers in the service's place; its other statuses are also the service's own."""


def refuses(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Return what an endpoint refuses by itself, for its route's `responses`."""
    found: defaultdict[int | str, dict[str, Any]] = defaultdict(dict)
    for error in errors:
        found[error.status].setdefault(NAMED, []).append(Refusal.of(error))
    return dict(found)


def refusals_of_layers(
    layers: Iterable[str], base: type[ServiceError] = ServiceError
) -> Iterator[Refusal]:
    """Yield what these layers refuse: every error that says it is theirs.

    One that looks to a client as its base does is described by that.
    """
    wanted = set(layers)
    for error in base.__subclasses__():
        if error.layer in wanted and error.slug != base.slug:
            yield Refusal.of(error)
        yield from refusals_of_layers(wanted, error)


def problem_schema() -> dict[str, Any]:
    """Return what every problem looks like (RFC 9457)."""
    text = {"type": "string"}
    finding = {
        "type": "object",
        "properties": {
            "field": text | {"examples": ["body.email"]},
            "rule": text | {"examples": ["missing"]},
        },
        "required": ["field", "rule"],
        "additionalProperties": False,
    }
    properties: dict[str, Any] = {
        "type": text | {"pattern": "^urn:problem:[a-z-]+$", "examples": ["urn:problem:not-found"]},
        "title": text,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": text,
        "request_id": text
        | {"pattern": "^[0-9a-f]{32}$", "description": "Finds the line in the service's log."},
    }
    errors = {"type": "array", "items": finding, "description": "What broke which rule."}
    return {
        "type": "object",
        "description": "RFC 9457",
        "properties": properties | {"errors": errors},
        "required": list(properties),
        "additionalProperties": False,
    }


def _example(refusal: Refusal) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": f"urn:problem:{refusal.slug}",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.words,
        "request_id": "00000000000000000000000000000000",
    }
    if refusal.slug == "invalid":
        told["errors"] = [{"field": "body.email", "rule": "missing"}]
    return told


def _response(status: int, refusals: list[Refusal]) -> dict[str, Any]:
    slugs = list(dict.fromkeys(f"urn:problem:{refusal.slug}" for refusal in refusals))
    schema = {
        "allOf": [{"$ref": f"#/components/schemas/{SCHEMA}"}],
        "properties": {"type": {"enum": slugs}, "status": {"const": status}},
    }
    examples = {refusal.slug: {"value": _example(refusal)} for refusal in refusals}
    content = {"application/problem+json": {"schema": schema, "examples": examples}}
    words = dict.fromkeys(refusal.words for refusal in refusals)
    described: dict[str, Any] = {"description": " ".join(words), "content": content}
    if status in _HEADERS:
        described["headers"] = _HEADERS[status]
    return described


def responses_of(refusals: Iterable[Refusal]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return, by status, a name and a description of the response that these share."""
    by_status: defaultdict[int, list[Refusal]] = defaultdict(list)
    for refusal in sorted(set(refusals)):
        by_status[refusal.status].append(refusal)
    return {
        str(status): ("-".join(refusal.name for refusal in found), _response(status, found))
        for status, found in by_status.items()
    }
