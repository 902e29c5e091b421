"""Comments: what is below a note, and nowhere else."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from app.notes import service
from app.notes.models import Comment, Note

if TYPE_CHECKING:
    import httpx
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.notes.schemas import NewComment

pytestmark = pytest.mark.anyio

NOTES = "/api/v1/notes"


async def note_of(client: httpx.AsyncClient) -> str:
    """Make a note; return where its comments are."""
    made = (await client.post(NOTES, json={"title": "a"})).raise_for_status().json()
    return f"{NOTES}/{made['id']}/comments"


async def comment_on(client: httpx.AsyncClient, place: str, text: str = "x") -> str:
    """Make a comment; return its id."""
    made = (await client.post(place, json={"text": text})).raise_for_status().json()
    assert isinstance(made["id"], str)
    return made["id"]


async def test_a_comment_is_made_read_and_deleted(ann: httpx.AsyncClient) -> None:
    place = await note_of(ann)
    made = await ann.post(place, json={"text": "Done."})
    assert made.status_code == 201
    assert set(made.json()) == {"id", "note_id", "text", "created_at"}
    one = f"{place}/{made.json()['id']}"
    assert (await ann.get(one)).json() == made.json()
    assert (await ann.get(place)).json()["items"] == [made.json()]
    assert (await ann.delete(one)).status_code == 204
    assert (await ann.get(one)).status_code == 404


async def test_comments_come_in_pages_newest_first(ann: httpx.AsyncClient) -> None:
    place = await note_of(ann)
    for number in range(3):
        await comment_on(ann, place, str(number))
    first = (await ann.get(f"{place}?limit=2")).json()
    rest = (await ann.get(f"{place}?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["text"] for one in (*first["items"], *rest["items"])] == ["2", "1", "0"]


@pytest.mark.parametrize("text", ["", "x" * 10_001, None, 1], ids=["none", "long", "null", "int"])
async def test_a_comment_says_something(ann: httpx.AsyncClient, text: object) -> None:
    assert (await ann.post(await note_of(ann), json={"text": text})).status_code == 422


async def test_comments_go_with_their_note(ann: httpx.AsyncClient) -> None:
    place = await note_of(ann)
    await comment_on(ann, place)
    assert (await ann.delete(place.removesuffix("/comments"))).status_code == 204
    assert (await ann.get(place)).status_code == 404


async def test_a_note_that_is_deleted_while_somebody_comments_is_not_there(
    ann: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an error of ours: whoever can cause those can flood the log with stacks."""
    place, comment = await note_of(ann), service.comment

    async def comment_late(database: AsyncSession, note: Note, new: NewComment) -> Comment:
        await database.execute(delete(Note).where(Note.id == note.id))
        return await comment(database, note, new)

    monkeypatch.setattr(service, "comment", comment_late)
    answer = await ann.post(place, json={"text": "x"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_comment_is_there_below_its_own_note_only(
    ann: httpx.AsyncClient, method: str
) -> None:
    place, another = await note_of(ann), await note_of(ann)
    comment = await comment_on(ann, place)
    astray = await ann.request(method, f"{another}/{comment}")
    absent = await ann.request(method, f"{another}/{uuid.uuid4()}")
    assert astray.status_code == absent.status_code == 404
    assert astray.json() | {"request_id": ""} == absent.json() | {"request_id": ""}
    assert (await ann.get(another)).json()["items"] == []
    assert (await ann.get(f"{place}/{comment}")).status_code == 200


async def test_below_somebody_elses_note_nothing_is_there(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    place, his = await note_of(ann), await note_of(bob)
    comment, of_bob = await comment_on(ann, place), await comment_on(bob, his)
    for method, path, body in (
        ("GET", place, None),
        ("POST", place, {"text": "mine"}),
        ("GET", f"{place}/{comment}", None),
        ("DELETE", f"{place}/{comment}", None),
        ("GET", f"{place}/{of_bob}", None),
        ("GET", f"{his}/{comment}", None),
        ("DELETE", f"{his}/{comment}", None),
    ):
        assert (await bob.request(method, path, json=body)).status_code == 404
    assert len((await ann.get(place)).json()["items"]) == 1
