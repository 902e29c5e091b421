"""What notes do. Nothing here says whose they are: they are `Owned`, so the session does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.errors import NotFound
from app.notes.models import Comment, Note
from app.pagination import newest_first

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from app.notes.schemas import NewComment, NewNote, NoteChange


async def create(database: AsyncSession, new: NewNote) -> Note:
    """Make a note."""
    note = Note(title=new.title, text=new.text)
    database.add(note)
    await database.commit()
    return note


async def list_page(
    database: AsyncSession, limit: int, cursor: str | None
) -> tuple[Sequence[Note], str | None]:
    """Return a page of the principal's notes, newest first."""
    return await newest_first(database, select(Note), Note, limit, cursor)


async def change(database: AsyncSession, note: Note, wanted: NoteChange) -> Note:
    """Change a note."""
    for field, value in wanted.model_dump(exclude_none=True).items():
        setattr(note, field, value)
    await database.commit()
    return note


async def delete(database: AsyncSession, thing: Note | Comment) -> None:
    """Delete a note, its comments with it, or a comment."""
    await database.delete(thing)
    await database.commit()


async def delete_all(database: AsyncSession, ids: Sequence[uuid.UUID]) -> None:
    """Delete these notes, or none of them.

    Raises:
        NotFound: one of them is not there, or somebody else's. All stay.
    """
    wanted = set(ids)
    gone = await database.scalars(delete_rows(Note).where(Note.id.in_(wanted)).returning(Note.id))
    if set(gone) != wanted:
        await database.rollback()
        raise NotFound("There is nothing here.")
    await database.commit()


async def comment(database: AsyncSession, note: Note, new: NewComment) -> Comment:
    """Comment on a note.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    made = Comment(note_id=note.id, text=new.text)
    database.add(made)
    try:
        await database.commit()
    except IntegrityError as error:
        await database.rollback()
        raise NotFound("There is nothing here.") from error
    return made


async def get_comment(database: AsyncSession, note: Note, comment_id: uuid.UUID) -> Comment:
    """Return a comment on this note.

    Raises:
        NotFound: there is none; it may be one on another note.
    """
    found = await database.scalar(
        select(Comment).where(Comment.note_id == note.id, Comment.id == comment_id)
    )
    if found is None:
        raise NotFound("There is nothing here.")
    return found


async def list_comments(
    database: AsyncSession, note: Note, limit: int, cursor: str | None
) -> tuple[Sequence[Comment], str | None]:
    """Return a page of the comments on a note, newest first."""
    query = select(Comment).where(Comment.note_id == note.id)
    return await newest_first(database, query, Comment, limit, cursor)
