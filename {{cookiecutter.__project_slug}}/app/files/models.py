"""Files, as they are recorded; their bytes are in the storage."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, HasIdentity
from app.layers.authorization import Owned


class File(HasIdentity, Owned, Base):
    """A clean file that belongs to a user."""

    __tablename__ = "files"
    # The order of the list, so that a page is read from the index.
    __table_args__ = (Index("ix_files_owner_created", "owner_id", "created_at", "id"),)

    # RESTRICT: were the rows to go with their user, the objects would be left behind unseen.
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(255))
    """To be shown only."""
    content_type: Mapped[str] = mapped_column(String(50))
    size: Mapped[int]
    """Bytes of the clean copy."""
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    """What the object must hash to when it is read."""
    storage_key: Mapped[str] = mapped_column(String(64), unique=True)
    """Made here, never shown."""
