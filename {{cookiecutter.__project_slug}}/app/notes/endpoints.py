"""`/api/v1/notes`."""

from __future__ import annotations

import uuid

from app.database import DatabaseSession
from app.layers.authorization import CurrentUser
from app.layers.validation import Router
from app.notes import service
from app.notes.schemas import NewNote, NoteChange, NoteOut
from app.pagination import Cursor, Page, PageSize

router = Router(prefix="/api/v1/notes", tags=["notes"])


@router.post("", status_code=201)
async def create_note(new: NewNote, database: DatabaseSession, access: CurrentUser) -> NoteOut:
    """Make a note."""
    return NoteOut.model_validate(await service.create(database, access, new))


@router.get("")
async def list_notes(
    database: DatabaseSession, access: CurrentUser, limit: PageSize = 20, cursor: Cursor = None
) -> Page[NoteOut]:
    """Return my notes, newest first."""
    notes, following = await service.list_page(database, access, limit, cursor)
    return Page(items=[NoteOut.model_validate(note) for note in notes], next_cursor=following)


@router.get("/{note_id}")
async def get_note(note_id: uuid.UUID, database: DatabaseSession, access: CurrentUser) -> NoteOut:
    """Return one note of mine."""
    return NoteOut.model_validate(await service.get(database, access, note_id))


@router.patch("/{note_id}")
async def change_note(
    note_id: uuid.UUID, wanted: NoteChange, database: DatabaseSession, access: CurrentUser
) -> NoteOut:
    """Change one note of mine."""
    return NoteOut.model_validate(await service.change(database, access, note_id, wanted))


@router.delete("/{note_id}", status_code=204)
async def delete_note(note_id: uuid.UUID, database: DatabaseSession, access: CurrentUser) -> None:
    """Delete one note of mine."""
    await service.delete(database, access, note_id)
