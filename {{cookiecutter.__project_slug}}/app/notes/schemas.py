"""What notes take and give."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from app.layers.validation import Line, StrictModel, Text


class NewNote(StrictModel):
    """A note to be made. Its owner is whoever makes it; it can't be named."""

    title: Line
    text: Text = ""


class NoteChange(StrictModel):
    """What changes about a note; what is left out stays."""

    title: Line | None = None
    text: Text | None = None

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
