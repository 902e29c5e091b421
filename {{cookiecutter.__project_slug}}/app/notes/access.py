"""Who may do what with notes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from app.layers.authorization import Authenticated, Owner, Principal
from app.notes.models import Note

READ, WRITE = "notes:read", "notes:write"

Reader = Annotated[Principal, Depends(Authenticated(scope=READ))]
"""Access type: a user who may read notes."""

Writer = Annotated[Principal, Depends(Authenticated(scope=WRITE))]
"""Access type: a user who may write notes."""

NoteToRead = Annotated[Note, Depends(Owner(Note, "note_id", scope=READ))]
"""Access type: the owner of the note in the path; it is what the endpoint gets."""

NoteToWrite = Annotated[Note, Depends(Owner(Note, "note_id", scope=WRITE))]
"""Access type: the same, to change it."""
