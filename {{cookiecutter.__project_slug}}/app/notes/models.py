"""Notes, as they are stored."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, HasIdentity, UtcDateTime, utc_now


class Note(HasIdentity, Base):
    """A title and a text that belong to a user."""

    __tablename__ = "notes"
    # The order of the list, so that a page is read from the index.
    __table_args__ = (Index("ix_notes_owner_created", "owner_id", "created_at", "id"),)

    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)
