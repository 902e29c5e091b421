"""Layer 6: what the API's description says of what goes in, it says with its bounds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from app.docs.describe import describe
from app.docs.problems import Refusal, refusals_of_layers, refuses
from app.docs.service import About
from app.errors import Conflict, FrameworkError, ServiceError
from app.layers.authorization import Public  # noqa: TC001 - FastAPI resolves it at run time
from app.layers.uploads.refusals import REFUSALS, UploadRefused
from app.layers.validation import Router
from app.main import create_app
from app.stack import STACK
from tests.in_process import make_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BOUNDS: dict[str, tuple[set[str], ...]] = {
    "string": ({"maxLength"}, {"enum"}, {"const"}, {"format"}),
    "integer": ({"minimum", "maximum"}, {"enum"}, {"const"}),
    "number": ({"minimum", "maximum"},),
    "array": ({"maxItems"},),
    "object": ({"additionalProperties"},),
}
"""A type, and what of it bounds it; one of several is enough."""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the description of the API."""
    app = create_app(make_settings(tmp_path_factory.mktemp("document")))
    return json.loads(app.state.docs.document.content)


def unbounded(schema: Any, document: Any, place: str) -> Iterator[str]:
    """Yield the places of a schema, or below it, that take anything."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from unbounded(document["components"]["schemas"][name], document, name)
        return
    for kinds in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(kinds, ()):
            yield from unbounded(inner, document, place)
    wanted = BOUNDS.get(schema.get("type", ""), ())
    if wanted and not any(bounds <= schema.keys() for bounds in wanted):
        yield place
    if schema.get("type") == "object" and schema["additionalProperties"] is not False:
        yield place
    for name, inner in schema.get("properties", {}).items():
        yield from unbounded(inner, document, f"{place}.{name}")
    if "items" in schema:
        yield from unbounded(schema["items"], document, f"{place}[]")


def test_whatever_goes_in_is_bounded_and_said_to_be(document: Any) -> None:
    found, seen = [], 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            given = [parameter["schema"] for parameter in operation.get("parameters", ())]
            body = operation.get("requestBody", {}).get("content", {})
            given += [media["schema"] for media in body.values()]
            seen += len(given)
            for schema in given:
                found += list(unbounded(schema, document, place))
    assert found == []
    assert seen > 5


@pytest.mark.parametrize(
    ("schema", "is_bounded"),
    [
        ({"type": "string"}, False),
        ({"type": "string", "maxLength": 9}, True),
        ({"type": "integer", "minimum": 0}, False),
        ({"type": "array", "items": {"type": "string", "maxLength": 9}}, False),
        ({"type": "array", "maxItems": 9, "items": {"type": "string"}}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, False),
        ({"type": "object", "additionalProperties": {"type": "string"}}, False),
        ({"type": "object", "additionalProperties": False, "properties": {}}, True),
    ],
    ids=str,
)
def test_what_takes_anything_is_noticed(schema: dict[str, Any], *, is_bounded: bool) -> None:
    assert (list(unbounded(schema, {}, "here")) == []) is is_bounded


def test_no_parameter_is_said_to_take_null(document: Any) -> None:
    parameters = [
        parameter
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
    ]
    assert parameters
    assert "null" not in json.dumps([parameter["schema"] for parameter in parameters])


def test_what_any_layer_refuses_every_operation_may_answer(document: Any) -> None:
    told = {refusal.status for refusal in refusals_of_layers({mount.layer for mount in STACK})}
    assert told >= {403, 413, 414, 415, 421, 422, 429, 431}
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {str(status) for status in told} <= operation["responses"].keys()


def kinds_of(error: type[ServiceError]) -> Iterator[type[ServiceError]]:
    """Yield the service's own kinds of an error."""
    for kind in error.__subclasses__():
        if kind.__module__.startswith("app."):
            yield kind
        yield from kinds_of(kind)


def told_in(document: Any) -> set[tuple[int, str]]:
    """Return every status that is described, with every slug that it may have."""
    return {
        (properties["status"]["const"], slug.removeprefix("urn:problem:"))
        for response in document["components"]["responses"].values()
        for media in response["content"].values()
        for properties in [media["schema"]["properties"]]
        for slug in properties["type"]["enum"]
    }


def test_every_error_that_the_service_has_is_described(document: Any) -> None:
    """Those of uploads are, where files are taken: its endpoint names them all at once."""
    of_uploads = set(kinds_of(UploadRefused))
    assert set(REFUSALS) == of_uploads
    others = set(kinds_of(ServiceError)) - {FrameworkError, UploadRefused} - of_uploads
    assert len(others) > 10
    assert {(kind.status, kind.slug) for kind in others} <= told_in(document)


NO_OPERATIONS = {403, 404, 405, 412, 416, 421, 501, 505}
"""Statuses of nginx to what no operation was meant by, or no client of the document sends."""


def test_what_nginx_answers_in_the_services_place_is_described(document: Any) -> None:
    page = (ROOT / "edge/snippets/http/problems.conf").read_text("utf-8")
    table = re.findall(r"^    (\d{3}) +([a-z-]+);", page, re.MULTILINE)
    of_nginx = {(int(status), slug) for status, slug in table if int(status) not in NO_OPERATIONS}
    assert {(408, "too-slow"), (502, "unavailable"), (504, "unavailable")} <= of_nginx
    assert of_nginx <= told_in(document)


class Teapot(ServiceError):
    """418: short and stout. It is here to be described."""

    status, slug = 418, "im-a-teapot"


class Item(BaseModel):
    """What comes out."""

    name: str


def test_what_a_route_refuses_by_itself_is_described_in_the_errors_words() -> None:
    router = Router()

    @router.get("/tea/{pot}", responses=refuses(Teapot, Conflict))
    async def tea(pot: int, access: Public) -> Item:
        """Make tea."""
        del access
        return Item(name=str(pot))

    app = FastAPI(openapi_url=None)
    app.include_router(router)
    document = describe(app, About("tea"))
    responses = document["paths"]["/tea/{pot}"]["get"]["responses"]
    assert {"200", "404", "409", "418"} <= responses.keys()
    assert "401" not in responses
    told = document["components"]["responses"]["Teapot"]
    assert told["description"] == "Short and stout."
    example = told["content"]["application/problem+json"]["examples"]["im-a-teapot"]["value"]
    assert (example["type"], example["status"]) == ("urn:problem:im-a-teapot", 418)
    assert "x-problems" not in json.dumps(document)


def test_an_error_without_words_is_described_as_the_client_hears_it() -> None:
    assert (
        Refusal.of(ServiceError).words == "Something went wrong on our side; it has been recorded."
    )
