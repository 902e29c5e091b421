"""What notes take and give."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.layers.validation import Line, StrictModel, Text


class NewNote(StrictModel):
    """A note to be made. It belongs to whoever makes it."""

    title: Line = Field(examples=["Water the plants"])
    text: Text = Field(default="", examples=["The ferns twice."])


class NoteChange(StrictModel):
    """What changes about a note; what is left out stays."""

    title: Line | None = Field(default=None, examples=["Water all plants"])
    text: Text | None = Field(default=None, examples=["The ferns, too."])

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.title is None and self.text is None:
            raise ValueError("nothing to change")
        return self


class NoteOut(BaseModel):
    """A note, as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    title: str
    text: str
    created_at: datetime
    updated_at: datetime
