"""Who gets what from files."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.layers.authorization import Authenticated
from tests import images
from tests.access_table import Row
from tests.embedded_s3 import running_s3, upload_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.access_table import Actor, Made

FILES = "/api/v1/files"
FILE = f"{FILES}/{{file_id}}"
READ, WRITE = (Authenticated(scope=f"files:{action}") for action in ("read", "write"))


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Run the storage."""
    with running_s3() as url:
        yield upload_settings(url)


def picture(_made: Made) -> dict[str, Any]:
    return {"files": images.form(images.encode("png"))}


async def make(owner: Actor) -> Made:
    """Upload a picture."""
    answer = await owner.client.post(FILES, **picture({}))
    return {"file_id": answer.raise_for_status().json()["id"]}


#        anonymous, user, other, administrator, revoked, narrow
ROWS = (
    Row(f"POST {FILES}", WRITE, (401, 201, 201, 201, 401, 403), picture),
    Row(f"GET {FILES}", READ, (401, 200, 200, 200, 401, 403)),
    Row(f"GET {FILE}", READ, (401, 200, 404, 404, 401, 403)),
    Row(f"DELETE {FILE}", WRITE, (401, 204, 404, 404, 401, 403)),
)
