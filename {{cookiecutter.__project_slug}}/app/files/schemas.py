"""What files give. What they take is a form, see `app.layers.uploads`."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class FileOut(BaseModel):
    """A file, as its owner sees it."""

    # Nothing of where it is stored: that is nobody's business.
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    content_type: str
    size: int
    created_at: datetime
