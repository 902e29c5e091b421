"""Notes: the sample domain, whole."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from app.notes.schemas import NewNote, NoteChange

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

NOTES = "/api/v1/notes"


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


async def test_a_made_up_cursor_is_refused(ann: httpx.AsyncClient) -> None:
    assert (await ann.get(NOTES, params={"cursor": "x"})).status_code == 422
    assert (await ann.get(NOTES, params={"cursor": "f" * 32})).status_code == 400


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


# --- Many at once ---------------------------------------------------------------------------------


async def made(client: httpx.AsyncClient, *titles: str) -> list[str]:
    """Make a note of each title; return their ids."""
    answers = [await client.post(NOTES, json={"title": title}) for title in titles]
    return [answer.raise_for_status().json()["id"] for answer in answers]


async def left(client: httpx.AsyncClient) -> list[str]:
    """Return the titles that are there."""
    items = (await client.get(NOTES)).raise_for_status().json()["items"]
    return sorted(note["title"] for note in items)


async def test_notes_are_deleted_together(ann: httpx.AsyncClient) -> None:
    ids = await made(ann, "a", "b", "c")
    assert (await ann.post(f"{NOTES}/delete", json={"ids": ids[:2]})).status_code == 204
    assert await left(ann) == ["c"]


async def test_a_note_that_is_named_twice_is_deleted_once(ann: httpx.AsyncClient) -> None:
    (identity,) = await made(ann, "a")
    answer = await ann.post(f"{NOTES}/delete", json={"ids": [identity, identity.upper()]})
    assert answer.status_code == 204
    assert await left(ann) == []


async def test_one_foreign_note_keeps_all_of_them(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    own, (foreign,) = await made(ann, "a", "b"), await made(bob, "his")
    gone = str(uuid.uuid4())
    answers = [
        await ann.post(f"{NOTES}/delete", json={"ids": ids})
        for ids in ([*own, foreign], [foreign, *own], [foreign], [*own, gone], [gone])
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({str(answer.json() | {"request_id": ""}) for answer in answers}) == 1
    assert await left(ann) == ["a", "b"]
    assert await left(bob) == ["his"]


@pytest.mark.parametrize(
    "ids",
    [[], [str(uuid.uuid4())] * 101, ["x"], [1], [None], "x", {}, [["x"]]],
    ids=["none", "too many", "no id", "number", "null", "text", "object", "nested"],
)
async def test_what_is_no_list_of_some_ids_is_invalid(ann: httpx.AsyncClient, ids: object) -> None:
    assert (await ann.post(f"{NOTES}/delete", json={"ids": ids})).status_code == 422
