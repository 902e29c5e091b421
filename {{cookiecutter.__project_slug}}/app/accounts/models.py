"""Users, their sessions, and the refresh tokens that keep a session alive."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, HasIdentity, UtcDateTime


class User(HasIdentity, Base):
    """Somebody with an account."""

    __tablename__ = "users"

    email: Mapped[str | None] = mapped_column(String(254), unique=True, default=None)
    """Folded to one spelling, see `validation.Email`. None for a user of another issuer."""
    password_hash: Mapped[str | None] = mapped_column(String(255), default=None)
    """None for a user of another issuer: no password opens that account."""
    display_name: Mapped[str | None] = mapped_column(String(200), default=None)
    role: Mapped[str] = mapped_column(String(20), default="user")
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    devices_forgotten_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    """Device tokens from before are void, see `devices.py`."""


class Session(HasIdentity, Base):
    """From a login to its end. Access tokens name it; ending it ends them all."""

    __tablename__ = "sessions"

    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    scope: Mapped[str | None] = mapped_column(String(1000), default=None)
    """What the login asked for, words with spaces between them. None: all there is, and what a
    later version of the service adds."""


class RefreshToken(Base):
    """One refresh token of a session, good for one use. Stored as its SHA-256 only."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
