"""Whatever goes wrong, the answer has one shape and tells nothing it should not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import HTTPException
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from app.errors import Conflict
from app.layers.authorization import Public  # noqa: TC001 - FastAPI resolves it at run time
from app.layers.validation import Router
from tests.in_process import client_of, make_settings, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

pytestmark = pytest.mark.anyio

FIELDS = {"type", "title", "status", "detail", "request_id"}
SECRET = "hunter2"


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service whose endpoints fail in every way there is."""
    router = Router()

    def endpoint(path: str, error: Exception) -> None:
        @router.get(path)
        async def fail(access: Public) -> None:
            del access
            raise error

    endpoint("/crash", RuntimeError(f"the password is {SECRET}"))
    endpoint("/conflict", Conflict("There is one already."))
    endpoint("/framework", HTTPException(418, detail=f"words of a library, {SECRET}"))
    endpoint("/stale", StaleDataError(f"UPDATE '{SECRET}'"))
    endpoint("/database", OperationalError(f"SELECT '{SECRET}'", {}, Exception(SECRET)))

    @router.get("/number/{number}")
    async def number(number: int, access: Public) -> int:
        del access
        return number

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.main.ROUTERS", (router,))
        async with running(make_settings(tmp_path_factory.mktemp("errors"))) as app:
            yield client_of(app)


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/crash", 500, "internal-error"),
        ("/conflict", 409, "conflict"),
        ("/framework", 418, "im-a-teapot"),
        ("/stale", 409, "conflict"),
        ("/database", 503, "unavailable"),
        ("/nowhere", 404, "not-found"),
    ],
)
async def test_every_error_is_a_problem_and_tells_nothing_more(
    client: httpx.AsyncClient, path: str, status: int, slug: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == FIELDS
    assert answer.json()["type"] == f"urn:problem:{slug}"
    assert answer.json()["status"] == status
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert SECRET not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_wrong_method_names_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.post("/conflict")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert set(answer.json()) == FIELDS


async def test_an_invalid_value_is_named_by_field_and_rule_only(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/number/{SECRET}")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "path.number", "rule": "int_parsing"}]
    assert SECRET not in answer.text


async def test_what_is_right_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.get("/number/7")
    assert (answer.status_code, answer.json()) == (200, 7)
