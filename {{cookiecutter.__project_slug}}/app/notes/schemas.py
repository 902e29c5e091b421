"""What notes take and give."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.layers.validation import Change, Identifier, Line, StrictModel, Text

MAX_AT_ONCE = 100


class NewNote(StrictModel):
    """A note to be made. It belongs to whoever makes it."""

    title: Line = Field(examples=["Water the plants"])
    text: Text = Field(default="", examples=["The ferns twice."])


class NoteChange(Change):
    """What changes about a note; what is left out stays."""

    title: Line | None = Field(default=None, examples=["Water all plants"])
    text: Text | None = Field(default=None, examples=["The ferns, too."])


class NotesToDelete(StrictModel):
    """Notes that go together, or stay together."""

    ids: list[Identifier] = Field(min_length=1, max_length=MAX_AT_ONCE)


class NoteOut(BaseModel):
    """A note, as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    title: str
    text: str
    created_at: datetime
    updated_at: datetime


class NewComment(StrictModel):
    """A comment to be made."""

    text: Annotated[Text, StringConstraints(min_length=1)] = Field(examples=["Done on Monday."])


class CommentOut(BaseModel):
    """A comment, as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    note_id: uuid.UUID
    text: str
    created_at: datetime
