"""Who gets what from notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.layers.authorization import Authenticated
from tests.access_table import Row

if TYPE_CHECKING:
    from tests.access_table import Actor, Made

NOTES = "/api/v1/notes"
NOTE = f"{NOTES}/{{note_id}}"
COMMENTS = f"{NOTE}/comments"
COMMENT = f"{COMMENTS}/{{comment_id}}"
READ, WRITE = (Authenticated(scope=f"notes:{action}") for action in ("read", "write"))


async def make(owner: Actor) -> Made:
    """Make a note with a comment."""
    note = (await owner.client.post(NOTES, json={"title": "private"})).raise_for_status().json()
    place = f"{NOTES}/{note['id']}/comments"
    comment = (await owner.client.post(place, json={"text": "too"})).raise_for_status().json()
    return {"note_id": note["id"], "comment_id": comment["id"]}


def title(_made: Made) -> dict[str, Any]:
    return {"json": {"title": "new"}}


def text(_made: Made) -> dict[str, Any]:
    return {"json": {"text": "new"}}


def ids(made: Made) -> dict[str, Any]:
    return {"json": {"ids": [made["note_id"]]}}


#        anonymous, user, other, administrator, revoked, narrow
ROWS = (
    Row(f"POST {NOTES}", WRITE, (401, 201, 201, 201, 401, 403), title),
    Row(f"GET {NOTES}", READ, (401, 200, 200, 200, 401, 403)),
    Row(f"POST {NOTES}/delete", WRITE, (401, 204, 404, 404, 401, 403), ids),
    Row(f"GET {NOTE}", READ, (401, 200, 404, 404, 401, 403)),
    Row(f"PATCH {NOTE}", WRITE, (401, 200, 404, 404, 401, 403), title),
    Row(f"DELETE {NOTE}", WRITE, (401, 204, 404, 404, 401, 403)),
    Row(f"POST {COMMENTS}", WRITE, (401, 201, 404, 404, 401, 403), text),
    Row(f"GET {COMMENTS}", READ, (401, 200, 404, 404, 401, 403)),
    Row(f"GET {COMMENT}", READ, (401, 200, 404, 404, 401, 403)),
    Row(f"DELETE {COMMENT}", WRITE, (401, 204, 404, 404, 401, 403)),
)
