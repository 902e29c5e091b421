"""The one answer that every contestant gives, and the model that serializes it on each call."""

from __future__ import annotations

from pydantic import BaseModel


class Answer(BaseModel):
    """A small JSON object, such as an API gives most of the time."""

    id: str
    title: str
    done: bool


ANSWER = Answer(id="0f8fad5b-d9cb-469f-a165-70867728950e", title="Water the plants", done=False)
