"""Layer 8 under attack, on PostgreSQL: other people's objects, tried on the sample domain."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.stack import Stack

NOTES = "/api/v1/notes"


def made(client: httpx.Client, title: str = "private") -> str:
    """Return the place of a new note."""
    answer = client.post(NOTES, json={"title": title})
    assert answer.status_code == 201, answer.text
    return f"{NOTES}/{answer.json()['id']}"


def titles(client: httpx.Client) -> list[str]:
    return [note["title"] for note in client.get(NOTES).json()["items"]]


@pytest.mark.parametrize(
    ("method", "below"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/comments"),
        ("POST", "/comments"),
    ],
)
def test_attack_somebody_elses_note(on_postgresql: Stack, method: str, below: str) -> None:
    owner, thief = on_postgresql.signup(), on_postgresql.signup()
    place = made(owner.client)
    body = {"PATCH": {"title": "mine now"}, "POST": {"text": "mine now"}}.get(method)
    foreign = thief.client.request(method, f"{place}{below}", json=body)
    absent = thief.client.request(method, f"{NOTES}/{uuid.uuid4()}{below}", json=body)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() | {"request_id": ""} == absent.json() | {"request_id": ""}
    assert titles(owner.client) == ["private"]
    assert titles(thief.client) == []


def test_attack_a_batch_with_one_foreign_note_deletes_none(on_postgresql: Stack) -> None:
    owner, thief = on_postgresql.signup(), on_postgresql.signup()
    foreign = made(owner.client)
    own = [made(thief.client, "own") for _ in range(3)]
    ids = [place.rpartition("/")[2] for place in [*own, foreign]]
    assert thief.client.post(f"{NOTES}/delete", json={"ids": ids}).status_code == 404
    assert titles(thief.client) == ["own"] * 3
    assert titles(owner.client) == ["private"]


def test_attack_a_comment_under_another_note_than_its_own(on_postgresql: Stack) -> None:
    owner, thief = on_postgresql.signup(), on_postgresql.signup()
    place = made(owner.client)
    comment = owner.client.post(f"{place}/comments", json={"text": "secret"}).json()["id"]
    for client, parent in ((owner.client, made(owner.client)), (thief.client, made(thief.client))):
        for method in ("GET", "DELETE"):
            answer = client.request(method, f"{parent}/comments/{comment}")
            assert answer.status_code == 404
    assert owner.client.get(f"{place}/comments/{comment}").json()["text"] == "secret"


def test_attack_changing_and_deleting_at_once_breaks_nothing(on_postgresql: Stack) -> None:
    """Batches in opposite orders lock the same rows from both ends."""
    client = on_postgresql.signup().client
    places = [made(client, "contended") for _ in range(6)]
    ids = [place.rpartition("/")[2] for place in places]

    def change(number: int) -> int:
        if number % 3:
            answer = client.patch(places[number % 6], json={"text": str(number)})
        else:
            order = ids if number % 2 else ids[::-1]
            answer = client.post(f"{NOTES}/delete", json={"ids": order})
        return answer.status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(change, range(12)))
    assert set(statuses) <= {200, 204, 404, 409}
    assert statuses.count(204) == 1, "one batch, whole"
    assert titles(client) == []


def test_twin_owners_do_all_they_like_with_their_own_notes(on_postgresql: Stack) -> None:
    client = on_postgresql.signup().client
    places = [made(client, str(number)) for number in range(3)]
    assert titles(client) == ["2", "1", "0"]
    assert client.patch(places[0], json={"text": "changed"}).json()["text"] == "changed"
    comments = f"{places[0]}/comments"
    comment = client.post(comments, json={"text": "done"}).json()
    assert client.get(comments).json()["items"] == [comment]
    ids = [place.rpartition("/")[2] for place in places]
    assert client.post(f"{NOTES}/delete", json={"ids": ids}).status_code == 204
    assert titles(client) == []
