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
        ("POST", f"{NOTES}/delete"),
        ("GET", f"{NOTES}/{NOBODYS}/comments"),
        ("POST", f"{NOTES}/{NOBODYS}/comments"),
        ("GET", f"{NOTES}/{NOBODYS}/comments/{NOBODYS}"),
        ("DELETE", f"{NOTES}/{NOBODYS}/comments/{NOBODYS}"),
        ("GET", f"{NOTES}/no-id"),
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


@pytest.mark.parametrize("name", ["owner_id", "owner", "user_id", "id", "created_at", "updated_at"])
def test_attack_a_note_is_made_for_nobody_else(stack: Stack, name: str) -> None:
    owner, thief = stack.signup(), stack.signup()
    place = f"{NOTES}/{owner.client.post(NOTES, json={'title': 'mine'}).json()['id']}"
    forged = {"title": "x", name: thief.user_id}
    assert owner.client.post(NOTES, json=forged).status_code == 422
    assert owner.client.patch(place, json=forged).status_code == 422
    assert (
        owner.client.post(f"{place}/comments", json={"text": "x", name: NOBODYS}).status_code == 422
    )
    assert thief.client.get(NOTES).json()["items"] == []


def test_attack_an_administrator_reads_nobodys_notes(stack: Stack) -> None:
    """The role is for accounts; what users write is theirs."""
    owner, administrator = stack.signup(), stack.signup()
    stack.command("app.accounts", "promote", administrator.email)
    note = owner.client.post(NOTES, json={"title": "private"}).json()
    assert administrator.client.get("/api/v1/admin/users").status_code == 200
    assert administrator.client.get(f"{NOTES}/{note['id']}").status_code == 404
    assert administrator.client.get(NOTES).json()["items"] == []
    batch = {"ids": [note["id"]]}
    assert administrator.client.post(f"{NOTES}/delete", json=batch).status_code == 404


def test_attack_a_batch_with_one_foreign_note_deletes_nothing(stack: Stack) -> None:
    owner, thief = stack.signup(), stack.signup()
    foreign = owner.client.post(NOTES, json={"title": "private"}).json()["id"]
    own = [thief.client.post(NOTES, json={"title": "own"}).json()["id"] for _ in range(2)]
    foreign_in_it, nobodys_in_it = (
        thief.client.post(f"{NOTES}/delete", json={"ids": [*own, one]})
        for one in (foreign, NOBODYS)
    )
    assert foreign_in_it.status_code == nobodys_in_it.status_code == 404
    assert foreign_in_it.json() | {"request_id": ""} == nobodys_in_it.json() | {"request_id": ""}
    assert len(thief.client.get(NOTES).json()["items"]) == 2
    assert owner.client.get(f"{NOTES}/{foreign}").status_code == 200


def test_attack_a_comment_is_reached_through_its_own_note_only(stack: Stack) -> None:
    owner, thief = stack.signup(), stack.signup()
    place, bait = (
        f"{NOTES}/{one.client.post(NOTES, json={'title': 'x'}).json()['id']}/comments"
        for one in (owner, thief)
    )
    secret = owner.client.post(place, json={"text": "secret"}).json()
    for method, path in (
        ("GET", f"{bait}/{secret['id']}"),
        ("DELETE", f"{bait}/{secret['id']}"),
        ("GET", f"{place}/{secret['id']}"),
        ("GET", place),
        ("POST", place),
    ):
        body = {"text": "x"} if method == "POST" else None
        assert thief.client.request(method, path, json=body).status_code == 404
    assert thief.client.get(bait).json()["items"] == []
    another = f"{NOTES}/{owner.client.post(NOTES, json={'title': 'x'}).json()['id']}/comments"
    assert owner.client.get(f"{another}/{secret['id']}").status_code == 404
    assert owner.client.get(another).json()["items"] == []
    assert owner.client.get(place).json()["items"] == [secret]
    other = f"{NOTES}/{owner.client.post(NOTES, json={'title': 'y'}).json()['id']}/comments"
    assert owner.client.get(other).json()["items"] == []
    for method in ("GET", "DELETE"):
        assert owner.client.request(method, f"{other}/{secret['id']}").status_code == 404


def test_attack_two_users_at_once_never_see_each_other(stack: Stack) -> None:
    """Statements are kept and run by the same workers for both; whom they are for is not kept."""
    users = [stack.signup(), stack.signup()]
    for user in users:
        for _ in range(3):
            user.client.post(NOTES, json={"title": user.email})

    def seen(number: int) -> bool:
        user = users[number % 2]
        items = user.client.get(NOTES).json()["items"]
        return [note["title"] for note in items] == [user.email] * 3

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(seen, range(60)))


def test_attack_a_token_to_read_does_not_write(stack: Stack) -> None:
    user = stack.signup()
    note = user.client.post(NOTES, json={"title": "x"}).json()
    given = {"email": user.email, "password": user.password, "scope": "notes:read"}
    token = stack.client().post("/api/v1/accounts/login", json=given).json()["access_token"]
    client = stack.client(headers={"Authorization": f"Bearer {token}"})
    place = f"{NOTES}/{note['id']}"
    for method, path, body in (
        ("POST", NOTES, {"title": "x"}),
        ("PATCH", place, {"title": "x"}),
        ("DELETE", place, None),
        ("POST", f"{NOTES}/delete", {"ids": [note["id"]]}),
        ("POST", f"{place}/comments", {"text": "x"}),
    ):
        assert client.request(method, path, json=body).status_code == 403
    assert client.get(place).json() == note


def test_twin_owners_do_all_they_like_with_their_own_notes(stack: Stack) -> None:
    client = stack.signup().client
    place = f"{NOTES}/{client.post(NOTES, json={'title': 'mine'}).json()['id']}"
    assert client.patch(place, json={"text": "changed"}).json()["text"] == "changed"
    assert [note["title"] for note in client.get(NOTES).json()["items"]] == ["mine"]
    comment = client.post(f"{place}/comments", json={"text": "done"}).json()
    assert client.get(f"{place}/comments/{comment['id']}").json() == comment
    assert client.get(f"{place}/comments").json()["items"] == [comment]
    assert client.delete(f"{place}/comments/{comment['id']}").status_code == 204
    assert client.delete(place).status_code == 204
    ids = [client.post(NOTES, json={"title": "x"}).json()["id"] for _ in range(3)]
    assert client.post(f"{NOTES}/delete", json={"ids": ids}).status_code == 204
    assert client.get(NOTES).json()["items"] == []


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
