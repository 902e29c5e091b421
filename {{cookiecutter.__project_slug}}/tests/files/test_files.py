"""Files: the sample domain for uploads, whole, over the embedded S3."""

from __future__ import annotations

import logging
import uuid
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from tests import images
from tests.embedded_s3 import BUCKET, make_client, running_s3, upload_settings
from tests.in_process import client_of, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import httpx
    from fastapi import FastAPI
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.anyio

FILES = "/api/v1/files"
LIMITED = ("SIGNUP", "LOGIN", "UPLOADS")


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture(scope="module")
def s3(s3_url: str) -> S3Client:
    return make_client(s3_url)


@pytest.fixture(scope="module")
async def app(
    tmp_path_factory: pytest.TempPathFactory, s3_url: str, database_url: str
) -> AsyncIterator[FastAPI]:
    # All tests come from one address; what its limit does is tested elsewhere.
    generous = {f"RATE_LIMITS__{name}": "1000/hour" for name in ("PER_CLIENT", *LIMITED)}
    environ = upload_settings(s3_url) | generous | {"DATABASE__URL": database_url}
    async with running(make_settings(tmp_path_factory.mktemp("files"), **environ)) as app:
        yield app


async def logged_in(app: FastAPI) -> httpx.AsyncClient:
    client = client_of(app)
    await sign_up(client, f"{uuid.uuid4()}@example.com")
    return client


@pytest.fixture
async def ann(app: FastAPI) -> httpx.AsyncClient:
    return await logged_in(app)


@pytest.fixture
async def bob(app: FastAPI) -> httpx.AsyncClient:
    return await logged_in(app)


def keys(s3: S3Client) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


async def upload(client: httpx.AsyncClient, kind: str = "png", **changes: str) -> dict[str, Any]:
    given = {"name": f"picture.{kind}", "kind": images.MEDIA_TYPES[kind]} | changes
    answer = await client.post(FILES, files=images.form(images.encode(kind), **given))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
async def test_a_file_is_stored_listed_read_and_deleted(
    ann: httpx.AsyncClient, s3: S3Client, kind: str
) -> None:
    before = keys(s3)
    made = await upload(ann, kind)
    (key,) = keys(s3) - before
    assert set(made) == {"id", "name", "content_type", "size", "created_at"}
    assert made["id"] not in key, "an id tells nothing of where its bytes are"
    assert (await ann.get(FILES)).json() == {"items": [made], "next_cursor": None}
    place = f"{FILES}/{made['id']}"
    found = await ann.get(place)
    assert found.headers["content-type"] == images.MEDIA_TYPES[kind]
    assert found.headers["content-disposition"].startswith('attachment; filename="picture.')
    assert found.headers["x-content-type-options"] == "nosniff"
    assert len(found.content) == made["size"]
    assert Image.open(BytesIO(found.content)).size == (40, 20)
    assert (await ann.delete(place)).status_code == 204
    assert (await ann.get(place)).status_code == 404
    assert keys(s3) == before


async def test_a_file_is_kept_under_a_name_that_can_be_shown(ann: httpx.AsyncClient) -> None:
    made = await upload(ann, name="../../etc/Urlaub „ä“.png")
    assert made["name"] == "Urlaub „ä“.png"
    found = await ann.get(f"{FILES}/{made['id']}")
    assert (
        "filename*=UTF-8''Urlaub%20%E2%80%9E%C3%A4%E2%80%9C.png"
        in (found.headers["content-disposition"])
    )


async def test_a_list_is_newest_first_in_pages(ann: httpx.AsyncClient) -> None:
    made = [await upload(ann, name=f"{number}.png") for number in range(3)]
    first = (await ann.get(f"{FILES}?limit=2")).json()
    assert [file["name"] for file in first["items"]] == ["2.png", "1.png"]
    rest = (await ann.get(f"{FILES}?limit=2&cursor={first['next_cursor']}")).json()
    assert rest == {"items": [made[0]], "next_cursor": None}
    assert (await ann.get(f"{FILES}?limit=101")).status_code == 422


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_file_of_somebody_else_is_not_there(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, method: str
) -> None:
    place = f"{FILES}/{(await upload(ann))['id']}"
    foreign = await bob.request(method, place)
    absent = await bob.request(method, f"{FILES}/{uuid.uuid4()}")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() | {"request_id": ""} == absent.json() | {"request_id": ""}
    assert (await bob.get(FILES)).json()["items"] == []
    assert (await ann.get(place)).status_code == 200


async def test_a_refused_file_leaves_neither_object_nor_record(
    ann: httpx.AsyncClient, s3: S3Client
) -> None:
    before = keys(s3)
    polyglot = images.encode("jpeg") + images.jar()
    answer = await ann.post(FILES, files=images.form(polyglot, "a.jpg", "image/jpeg"))
    assert answer.status_code == 422
    assert (await ann.get(FILES)).json()["items"] == []
    assert keys(s3) == before


async def test_a_database_that_fails_leaves_no_object(
    ann: httpx.AsyncClient, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(s3)

    async def fail(_self: AsyncSession) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    with monkeypatch.context() as patched:
        patched.setattr(AsyncSession, "commit", fail)
        answer = await ann.post(FILES, files=images.form(images.encode("png")))
    assert answer.status_code == 503
    assert keys(s3) == before
    assert (await ann.get(FILES)).json()["items"] == []
    await upload(ann)
    assert len(keys(s3)) == len(before) + 1


async def test_a_storage_that_is_down_is_a_503_and_nothing_is_recorded(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path)) as app:
        client = client_of(app)
        await sign_up(client, "ann@example.com")
        answer = await client.post(FILES, files=images.form(images.encode("png")))
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:problem:unavailable"
        assert answer.headers["retry-after"].isdigit()
        assert (await client.get(FILES)).json()["items"] == []


async def test_a_file_whose_bytes_are_gone_can_still_be_deleted(
    ann: httpx.AsyncClient, s3: S3Client
) -> None:
    before = keys(s3)
    place = f"{FILES}/{(await upload(ann))['id']}"
    (key,) = keys(s3) - before
    s3.delete_object(Bucket=BUCKET, Key=key)
    assert (await ann.get(place)).status_code == 503
    assert (await ann.delete(place)).status_code == 204
    assert (await ann.get(place)).status_code == 404


async def test_bytes_that_were_swapped_in_the_bucket_are_not_served(
    ann: httpx.AsyncClient, s3: S3Client
) -> None:
    before = keys(s3)
    place = f"{FILES}/{(await upload(ann))['id']}"
    (key,) = keys(s3) - before
    s3.put_object(Bucket=BUCKET, Key=key, Body=images.encode("png", images.picture("L")))
    assert (await ann.get(place)).status_code == 503


async def test_uploads_have_a_limit_of_their_own_that_is_asked_before_the_body(
    tmp_path: Path, s3_url: str
) -> None:
    settings = make_settings(tmp_path, **upload_settings(s3_url), RATE_LIMITS__UPLOADS="1/hour")
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        sent += 1
        yield b"x"

    async with running(settings) as app:
        client = client_of(app)
        await sign_up(client, "ann@example.com")
        await upload(client)
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        answer = await client.post(FILES, content=body(), headers=headers)
    assert answer.status_code == 429
    assert sent == 0


async def test_strangers_reach_nothing(app: FastAPI) -> None:
    client = client_of(app)
    for method, path in [
        ("POST", FILES),
        ("GET", FILES),
        ("GET", f"{FILES}/{uuid.uuid4()}"),
        ("DELETE", f"{FILES}/{uuid.uuid4()}"),
    ]:
        assert (await client.request(method, path)).status_code == 401


async def test_the_parser_adds_no_words_of_its_own_to_the_log() -> None:
    assert not logging.getLogger("python_multipart.multipart").isEnabledFor(logging.WARNING)
