"""The part of the smoke calls that needs the sample domains; it goes when they go."""

from __future__ import annotations

import io
import secrets
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from dev.smoke import Smoke

NOTES = "/api/v1/notes"
FILES = "/api/v1/files"


def picture() -> bytes:
    """Return a small PNG that nobody has uploaded before."""
    red, green, blue = secrets.token_bytes(3)
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (red, green, blue)).save(file, "PNG")
    return file.getvalue()


def call_samples(smoke: Smoke) -> None:
    """Write a note, upload a picture, and be refused somebody else's note.

    Raises:
        UnexpectedAnswerError: at the first answer that is not as expected.
    """
    mine = {"Authorization": f"Bearer {smoke.log_in()}"}
    note = {"title": "Hello", "text": "The first note."}
    made = smoke.expect(201, "write a note", "POST", NOTES, json=note, headers=mine)
    address = f"{NOTES}/{made.json()['id']}"
    smoke.expect(200, "read it again", "GET", address, headers=mine)
    image = {"file": ("hello.png", picture(), "image/png")}
    smoke.expect(201, "upload a picture", "POST", FILES, files=image, headers=mine)
    stranger = {"Authorization": f"Bearer {smoke.log_in()}"}
    smoke.expect(404, "refused: somebody else's note", "GET", address, headers=stranger)


def note_example(call: str, url: str) -> str:
    """Return the shell command that writes a note."""
    note = """-d '{"title": "Hello", "text": "My first note."}'"""
    return f'{call} -H "Authorization: Bearer $TOKEN" {note} {url}{NOTES}'
