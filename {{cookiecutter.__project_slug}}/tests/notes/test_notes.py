"""Notes: the sample domain, whole."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from app.notes.schemas import NewNote, NoteChange
from tests.in_process import client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio

NOTES = "/api/v1/notes"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    async with running(make_settings(tmp_path_factory.mktemp("service"))) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    await empty(shared)
    return shared


@pytest.fixture
async def ann(app: FastAPI) -> httpx.AsyncClient:
    client = client_of(app)
    await sign_up(client, "ann@example.com")
    return client


@pytest.fixture
async def bob(app: FastAPI) -> httpx.AsyncClient:
    client = client_of(app)
    await sign_up(client, "bob@example.com")
    return client


async def test_what_the_docs_fill_in_is_accepted_as_it_stands(ann: httpx.AsyncClient) -> None:
    new, change = (
        {
            name: given["examples"][0]
            for name, given in model.model_json_schema()["properties"].items()
        }
        for model in (NewNote, NoteChange)
    )
    made = await ann.post(NOTES, json=new)
    assert made.status_code == 201
    assert made.json() == made.json() | new
    changed = await ann.patch(f"{NOTES}/{made.json()['id']}", json=change)
    assert changed.json() == changed.json() | change


async def test_a_note_is_made_read_changed_and_deleted(ann: httpx.AsyncClient) -> None:
    made = await ann.post(NOTES, json={"title": "Milk", "text": "two\nlitres"})
    assert made.status_code == 201
    place = f"{NOTES}/{made.json()['id']}"
    assert (await ann.get(place)).json() == made.json()
    changed = await ann.patch(place, json={"text": "three"})
    assert (changed.json()["title"], changed.json()["text"]) == ("Milk", "three")
    assert changed.json()["updated_at"] >= made.json()["updated_at"]
    assert (await ann.delete(place)).status_code == 204
    assert (await ann.get(place)).status_code == 404


@pytest.mark.parametrize(
    "text", ["O'Brien", "'; DROP TABLE notes; --", "{{7*7}}", "$(id)", "日本語"]
)
async def test_text_comes_back_as_it_was_given(ann: httpx.AsyncClient, text: str) -> None:
    made = await ann.post(NOTES, json={"title": text, "text": text})
    assert (made.json()["title"], made.json()["text"]) == (text, text)


async def test_pages_hold_every_note_once_newest_first(ann: httpx.AsyncClient) -> None:
    for number in range(7):
        await ann.post(NOTES, json={"title": str(number)})
    seen, cursor, pages = [], None, 0
    while cursor is not None or pages == 0:
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await ann.get(NOTES, params=params)).raise_for_status().json()
        seen += [note["title"] for note in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
        if pages == 1:
            await ann.post(NOTES, json={"title": "added while paging"})
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]
    assert pages == 3


async def test_a_change_changes_something(ann: httpx.AsyncClient) -> None:
    place = f"{NOTES}/{(await ann.post(NOTES, json={'title': 'a', 'text': 'b'})).json()['id']}"
    assert (await ann.patch(place, json={})).status_code == 422
    assert (await ann.patch(place, json={"text": ""})).json()["text"] == ""


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", ""])
async def test_a_page_has_a_bounded_size(ann: httpx.AsyncClient, limit: str) -> None:
    answer = await ann.get(NOTES, params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.limit"


async def test_a_made_up_cursor_is_malformed(ann: httpx.AsyncClient) -> None:
    assert (await ann.get(NOTES, params={"cursor": "x"})).status_code == 400


async def test_somebody_elses_note_is_not_there_in_any_way(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    place = f"{NOTES}/{(await ann.post(NOTES, json={'title': 'private'})).json()['id']}"
    nowhere = f"{NOTES}/{uuid.uuid4()}"
    for method, body in (("GET", None), ("PATCH", {"title": "mine"}), ("DELETE", None)):
        foreign = await bob.request(method, place, json=body)
        absent = await bob.request(method, nowhere, json=body)
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json() | {"request_id": ""} == absent.json() | {"request_id": ""}
    assert (await bob.get(NOTES)).json()["items"] == []
    assert (await ann.get(place)).json()["title"] == "private"
