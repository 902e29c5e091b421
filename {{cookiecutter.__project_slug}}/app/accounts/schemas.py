"""What accounts take and give. Input and output are separate: no one sets a role by naming it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.layers.validation import Email, GivenPassword, Line, Password, StrictModel


class Signup(StrictModel):
    """A new account."""

    email: Email
    password: Password


class Login(StrictModel):
    """Proof of an account."""

    email: Email
    password: GivenPassword


class Refresh(StrictModel):
    """A refresh token, for new tokens."""

    refresh_token: Annotated[
        str,
        StringConstraints(min_length=43, max_length=43),
        Field(description="From the answer to the login or to the last refresh."),
    ]


class ProfileChange(StrictModel):
    """What users may change about themselves."""

    display_name: Line | None = Field(examples=["Ada"])


class Tokens(BaseModel):
    """An access token and the refresh token for the next one (RFC 6749 §5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme, not a secret
    expires_in: int = Field(description="Seconds.")
    refresh_token: str


class Account(BaseModel):
    """An account, as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    email: str
    display_name: str | None
    role: str
    created_at: datetime


class AccountForAdmin(Account):
    """An account, as an administrator sees it."""

    disabled_at: datetime | None
