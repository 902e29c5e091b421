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


Scope = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, pattern=r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$"),
    Field(json_schema_extra={"format": "scopes"}),  # `app/docs` says which there are
]
"""Words with a space between them, as RFC 6749 §3.3 writes it."""


class Login(StrictModel):
    """Proof of an account."""

    email: Email
    password: GivenPassword
    scope: Scope | None = Field(
        default=None,
        description="What the tokens are to be good for, words with a space between them; "
        "everything if not said.",
        examples=[None],
    )
    device_token: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None,
        description="From the answer to an earlier login on this device: strangers who fail at the "
        "account then do not keep it from logging in. One that is not good is not missed.",
        examples=[None],
    )


class PasswordChange(StrictModel):
    """A new password, and the proof that the account is one's own."""

    current_password: GivenPassword
    new_password: Password


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
    scope: str = Field(description="What they are good for, words with a space between them.")


class LoginTokens(Tokens):
    """The tokens of a new session, and one by which this device is known from now on."""

    device_token: str = Field(
        description="To be kept beyond the session, and sent with the next login from this device."
    )


class Account(BaseModel):
    """An account, as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    email: str | None = Field(description="Null for a user of another issuer.")
    display_name: str | None
    role: str
    created_at: datetime


class AccountForAdmin(Account):
    """An account, as an administrator sees it."""

    disabled_at: datetime | None
