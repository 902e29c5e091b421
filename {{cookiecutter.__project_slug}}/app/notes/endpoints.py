"""`/api/v1/notes`, and the comments below each."""

from __future__ import annotations

from app.database import DatabaseSession
from app.docs.problems import refuses
from app.errors import Conflict, NotFound
from app.layers.validation import Identifier, Router
from app.notes import service
from app.notes.access import NoteToRead, NoteToWrite, Reader, Writer
from app.notes.schemas import (
    CommentOut,
    NewComment,
    NewNote,
    NoteChange,
    NoteOut,
    NotesToDelete,
)
from app.pagination import Cursor, Page, PageSize

router = Router(prefix="/api/v1/notes", tags=["notes"])


@router.post("", status_code=201)
async def create_note(new: NewNote, database: DatabaseSession, access: Writer) -> NoteOut:
    """Make a note."""
    del access
    return NoteOut.model_validate(await service.create(database, new))


@router.get("")
async def list_notes(
    database: DatabaseSession, access: Reader, limit: PageSize = 20, cursor: Cursor = None
) -> Page[NoteOut]:
    """Return my notes, newest first."""
    del access
    notes, following = await service.list_page(database, limit, cursor)
    return Page(items=[NoteOut.model_validate(note) for note in notes], next_cursor=following)


@router.post("/delete", status_code=204, responses=refuses(NotFound))
async def delete_notes(wanted: NotesToDelete, database: DatabaseSession, access: Writer) -> None:
    """Delete notes of mine, all of these or none."""
    del access
    await service.delete_all(database, wanted.ids)


@router.get("/{note_id}")
async def get_note(note: NoteToRead) -> NoteOut:
    """Return one note of mine."""
    return NoteOut.model_validate(note)


@router.patch("/{note_id}", responses=refuses(Conflict))
async def change_note(wanted: NoteChange, database: DatabaseSession, note: NoteToWrite) -> NoteOut:
    """Change one note of mine."""
    return NoteOut.model_validate(await service.change(database, note, wanted))


@router.delete("/{note_id}", status_code=204, responses=refuses(Conflict))
async def delete_note(database: DatabaseSession, note: NoteToWrite) -> None:
    """Delete one note of mine."""
    await service.delete(database, note)


@router.post("/{note_id}/comments", status_code=201, responses=refuses(Conflict))
async def create_comment(
    new: NewComment, database: DatabaseSession, note: NoteToWrite
) -> CommentOut:
    """Comment on one note of mine."""
    return CommentOut.model_validate(await service.comment(database, note, new))


@router.get("/{note_id}/comments")
async def list_comments(
    database: DatabaseSession, note: NoteToRead, limit: PageSize = 20, cursor: Cursor = None
) -> Page[CommentOut]:
    """Return the comments on one note of mine, newest first."""
    comments, following = await service.list_comments(database, note, limit, cursor)
    items = [CommentOut.model_validate(comment) for comment in comments]
    return Page(items=items, next_cursor=following)


@router.get("/{note_id}/comments/{comment_id}")
async def get_comment(
    comment_id: Identifier, database: DatabaseSession, note: NoteToRead
) -> CommentOut:
    """Return one comment on one note of mine."""
    return CommentOut.model_validate(await service.get_comment(database, note, comment_id))


@router.delete("/{note_id}/comments/{comment_id}", status_code=204, responses=refuses(Conflict))
async def delete_comment(
    comment_id: Identifier, database: DatabaseSession, note: NoteToWrite
) -> None:
    """Delete one comment on one note of mine."""
    await service.delete(database, await service.get_comment(database, note, comment_id))
