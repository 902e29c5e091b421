"""Layer 6: what stands around a body, in a service of this layer alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import httpx
import pytest
from fastapi import Query
from pydantic import Field
from starlette.middleware import Middleware

from app.layers.validation import (
    Identifier,
    Line,
    Router,
    StrictModel,
    ValidationMiddleware,
    ValidationSettings,
)
from tests.layers.small_app import client_of, small_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

pytestmark = pytest.mark.anyio

SECRET = "hunter2"
LIMITS = ValidationSettings()


class Labels(StrictModel):
    """A body with keys that the client chooses."""

    labels: dict[str, Annotated[int, Field(ge=0)]]
    names: list[Line] = Field(default_factory=list)


class _Settings:
    validation = LIMITS


def _service() -> FastAPI:
    app = small_app(Middleware(ValidationMiddleware, settings=LIMITS), settings=_Settings())
    router = Router()

    @router.post("/labels")
    async def label(given: Labels) -> int:
        return len(given.labels)

    @router.get("/things/{thing_id}")
    async def read(thing_id: Identifier, q: Annotated[str, Query(max_length=100)] = "") -> str:
        return f"{thing_id} {q}"

    @router.get("/named/{name:path}")
    async def named(name: str) -> str:
        return name

    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the service."""
    async with client_of(_service()) as one:
        yield one


THING = "/things/0b5b0d3e-6c1f-4c4e-9d5a-3f2a1b0c9d8e"


async def raw(client: httpx.AsyncClient, target: bytes) -> httpx.Response:
    """Send a target as it stands, where a client would have escaped it."""
    url = httpx.URL("https://api.example", raw_path=target)
    return await client.get(url)


@pytest.mark.parametrize(
    "body",
    [
        {"labels": {SECRET: -1}},
        {"labels": {SECRET: "1"}},
        {"labels": {SECRET: SECRET}},
        {"labels": {}, "names": [SECRET * 100]},
        {"labels": {}, SECRET: 1},
        {"labels": SECRET},
    ],
    ids=str,
)
async def test_a_finding_has_no_word_of_the_clients(
    client: httpx.AsyncClient, body: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.post("/labels", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert SECRET not in answer.text
    captured = capsys.readouterr()
    assert SECRET not in captured.out + captured.err


async def test_a_finding_tells_where_it_is(client: httpx.AsyncClient) -> None:
    body = {"labels": {SECRET: -1}, "names": ["fine", "not\nfine"]}
    found = (await client.post("/labels", json=body)).json()["errors"]
    assert [item["field"] for item in found] == ["body.labels.(unknown field)", "body.names.1"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/named/ann", 200),
        (b"/named/%C3%A4nn", 200),
        (b"/named/O'Brien", 200),
        (b"/named/a%20b", 200),
        (b"/named/" + b"x" * LIMITS.max_path_bytes, 414),
        (b"/named/%00", 400),
        (b"/named/a%0D%0Ab", 400),
        (b"/named/%1b[31m", 400),
        (b"/named/%7f", 400),
        (b"/named/%C2%85", 400),
        (b"/named/a%E2%80%A8b", 400),
        (b"/named/a%E2%80%A9b", 400),
        (b"/named/%ff", 400),
        (b"/named/%C0%AE%C0%AE", 400),
        (b"/named/%ED%A0%80", 400),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_path_is_text_of_a_bounded_length(
    client: httpx.AsyncClient, target: bytes, status: int
) -> None:
    assert (await raw(client, target)).status_code == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"", 200),
        (b"q=a", 200),
        (b"q=O'Brien", 200),
        (b"q=%C3%A4%20%26", 200),
        (b"q=a+b%0Ac", 200),
        (b"q=%ff", 422),
        (b"q=%ED%A0%80", 422),
        (b"q=%C0%AF", 422),
        (b"q=%zz", 422),
        (b"q=100%", 422),
        (b"q=%00", 422),
        (b"q=%1b[2J", 422),
        (b"q=a%0Db", 422),
        (b"q=a&q=b", 422),
        (b"q[]=a", 422),
        (b"q[$ne]=a", 422),
        (b"%71=a&q=b", 422),
        (b"Q=a", 422),
        (b"q=" + b"x" * 101, 422),
        (b"q=" + b"x" * LIMITS.max_query_bytes, 414),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_query_is_read_in_one_way_or_not_at_all(
    client: httpx.AsyncClient, query: bytes, status: int
) -> None:
    answer = await raw(client, THING.encode() + b"?" + query)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("number", "length", "status"), [(40, 10, 200), (90, 10, 431), (1, 17_000, 431), (20, 900, 431)]
)
async def test_header_fields_are_bounded_in_number_and_in_length(
    client: httpx.AsyncClient, number: int, length: int, status: int
) -> None:
    fields = {f"X-{index}": "x" * length for index in range(number)}
    assert (await client.get(THING, headers=fields)).status_code == status


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "GZIP", ""])
async def test_a_compressed_body_is_not_read(client: httpx.AsyncClient, coding: str) -> None:
    answer = await client.post(
        "/labels", content=b'{"labels": {}}', headers={"Content-Encoding": coding}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", THING, 200, None),
        ("DELETE", THING, 200, None),
        ("PUT", THING, 405, "DELETE, GET"),
        ("GET", "/things/mine", 200, None),
        ("POST", "/things/mine", 200, None),
        ("DELETE", "/things/mine", 405, "GET, POST"),
        ("PATCH", "/things/mine", 405, "GET, POST"),
        ("DELETE", "/labels", 405, "POST"),
        ("GET", "/nowhere", 404, None),
    ],
)
async def test_an_address_takes_its_own_methods_and_says_which(
    method: str, path: str, status: int, allowed: str | None
) -> None:
    async with client_of(_ordered()) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allowed)


def _ordered() -> FastAPI:
    """Return a service whose written-out address comes first, as it must to be found at all."""
    app, router = small_app(settings=_Settings()), Router()
    for method, path in (
        ("GET", "/things/mine"),
        ("POST", "/things/mine"),
        ("GET", "/things/{thing_id}"),
        ("DELETE", "/things/{thing_id}"),
        ("POST", "/labels"),
    ):

        async def answer() -> str:
            return "fine"

        router.add_api_route(path, answer, methods=[method])
    app.include_router(router)
    return app
