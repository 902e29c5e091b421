"""Notes, as they are stored, and what is said about them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, HasIdentity, UtcDateTime, utc_now
from app.layers.authorization import Owned


class Note(HasIdentity, Owned, Base):
    """A title and a text that belong to a user."""

    __tablename__ = "notes"
    # The order of the list, so that a page is read from the index.
    __table_args__ = (Index("ix_notes_owner_created", "owner_id", "created_at", "id"),)

    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)


class Comment(HasIdentity, Owned, Base):
    """A remark of the user's on one of the user's notes; it goes when the note goes."""

    __tablename__ = "comments"
    __table_args__ = (
        Index("ix_comments_note_created", "note_id", "created_at", "id"),
        Index("ix_comments_owner_id", "owner_id"),
    )

    note_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("notes.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
