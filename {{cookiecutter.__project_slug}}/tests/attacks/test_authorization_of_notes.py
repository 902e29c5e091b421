"""Layer 8 under attack: other people's objects, tried on the sample domain."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stack import Stack

NOTES = "/api/v1/notes"
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", NOTES),
        ("POST", NOTES),
        ("GET", f"{NOTES}/{NOBODYS}"),
        ("PATCH", f"{NOTES}/{NOBODYS}"),
        ("DELETE", f"{NOTES}/{NOBODYS}"),
    ],
)
def test_attack_a_stranger_reaches_no_note(stack: Stack, method: str, path: str) -> None:
    body = {"title": "x"} if method in {"POST", "PATCH"} else None
    assert stack.client().request(method, path, json=body).status_code == 401


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_attack_somebody_elses_note_is_not_there(stack: Stack, method: str) -> None:
    owner, thief = stack.signup(), stack.signup()
    made = owner.client.post(NOTES, json={"title": "private"}).json()
    body = {"title": "mine now"} if method == "PATCH" else None
    foreign = thief.client.request(method, f"{NOTES}/{made['id']}", json=body)
    absent = thief.client.request(method, f"{NOTES}/{uuid.uuid4()}", json=body)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() | {"request_id": ""} == absent.json() | {"request_id": ""}
    assert owner.client.get(f"{NOTES}/{made['id']}").json() == made


def test_attack_a_list_holds_no_note_of_others_with_any_cursor(stack: Stack) -> None:
    owner, thief = stack.signup(), stack.signup()
    for number in range(3):
        owner.client.post(NOTES, json={"title": str(number)})
    cursor = owner.client.get(f"{NOTES}?limit=1").json()["next_cursor"]
    assert thief.client.get(NOTES).json()["items"] == []
    assert thief.client.get(f"{NOTES}?cursor={cursor}").json()["items"] == []


def test_twin_owners_do_all_they_like_with_their_own_notes(stack: Stack) -> None:
    client = stack.signup().client
    place = f"{NOTES}/{client.post(NOTES, json={'title': 'mine'}).json()['id']}"
    assert client.patch(place, json={"text": "changed"}).json()["text"] == "changed"
    assert [note["title"] for note in client.get(NOTES).json()["items"]] == ["mine"]
    assert client.delete(place).status_code == 204


def test_attack_changing_and_deleting_at_once_breaks_nothing(stack: Stack) -> None:
    client = stack.signup().client
    for _ in range(3):
        place = f"{NOTES}/{client.post(NOTES, json={'title': 'contended'}).json()['id']}"

        def change(number: int, place: str = place) -> int:
            method, body = ("DELETE", None) if number == 5 else ("PATCH", {"text": str(number)})
            return client.request(method, place, json=body).status_code

        with ThreadPoolExecutor(10) as pool:
            statuses = set(pool.map(change, range(10)))
        assert statuses <= {200, 204, 404, 409}
