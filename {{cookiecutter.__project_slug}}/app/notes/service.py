"""What notes do. `_of` is the one place where they are read: always scoped to their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from app.errors import NotFound
from app.notes.models import Note
from app.pagination import newest_first

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.layers.authorization import Principal
    from app.notes.schemas import NewNote, NoteChange


def _of(principal: Principal) -> Select[Note]:
    return select(Note).where(Note.owner_id == principal.user_id)


async def create(database: AsyncSession, principal: Principal, new: NewNote) -> Note:
    """Make a note."""
    note = Note(owner_id=principal.user_id, title=new.title, text=new.text)
    database.add(note)
    await database.commit()
    return note


async def get(database: AsyncSession, principal: Principal, note_id: uuid.UUID) -> Note:
    """Return a note.

    Raises:
        NotFound: there is none, or it is somebody else's, which is the same to this client.
    """
    note = await database.scalar(_of(principal).where(Note.id == note_id))
    if note is None:
        raise NotFound("There is nothing here.")
    return note


async def list_page(
    database: AsyncSession, principal: Principal, limit: int, cursor: str | None
) -> tuple[Sequence[Note], str | None]:
    """Return a page of the principal's notes, newest first."""
    return await newest_first(database, _of(principal), Note, limit, cursor)


async def change(
    database: AsyncSession, principal: Principal, note_id: uuid.UUID, wanted: NoteChange
) -> Note:
    """Change a note.

    Raises:
        NotFound: see `get`.
    """
    note = await get(database, principal, note_id)
    for field, value in wanted.model_dump(exclude_none=True).items():
        setattr(note, field, value)
    await database.commit()
    return note


async def delete(database: AsyncSession, principal: Principal, note_id: uuid.UUID) -> None:
    """Delete a note.

    Raises:
        NotFound: see `get`.
    """
    await database.delete(await get(database, principal, note_id))
    await database.commit()
