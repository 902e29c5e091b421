"""What a field may hold: the types that bodies are made of."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def first(change: Callable[[str], str]) -> BeforeValidator:
    """Apply a change to text before the type is checked; strict types refuse what is no text."""
    return BeforeValidator(lambda value: change(value) if isinstance(value, str) else value)


def clean_text(text: str) -> str:
    """Return the text in Unicode's NFC, so that equal-looking text is equal.

    It runs before a type's bounds are checked: some characters become several (U+FB2C three), and
    what is bounded must be what is stored.

    Raises:
        ValueError: it holds a NUL, another control character or a lone surrogate, which
            databases, logs and terminals each treat in their own way.
    """
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t":
            raise ValueError("control characters are not allowed")
    return unicodedata.normalize("NFC", text)


def fold_email(email: str) -> str:
    """Return the address in the one spelling that identifies an account.

    It runs before the address is checked: folding can make an `@`, a comma or a space out of a
    look-alike, and what is checked must be what is stored.

    Raises:
        ValueError: it has a display name; `Ann <ann@example.com>` is no address.
    """
    if "<" in email:
        raise ValueError("an address without a display name is needed")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())


def check_password(password: str) -> str:
    """Return the password if it follows the policy.

    Raises:
        ValueError: no upper-case letter or no digit; length is bounded by the type.
    """
    if not any(character.isupper() for character in password):
        raise ValueError("needs an upper-case letter")
    if not any(character.isdigit() for character in password):
        raise ValueError("needs a digit")
    return password


EXAMPLE_EMAIL = "ada@example.com"
EXAMPLE_PASSWORD = "Analytical-Engine-1843"  # noqa: S105 - made up
"""For the docs, where the first click is to work: at the signup, then at the login."""

Email = Annotated[EmailStr, Field(max_length=254, examples=[EXAMPLE_EMAIL]), first(fold_email)]
"""An e-mail address, folded to the spelling that identifies an account."""

GivenPassword = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    Field(examples=[EXAMPLE_PASSWORD]),
    first(clean_text),
]
"""A password to be compared. It is held to no policy: it may be older than ours."""

Password = Annotated[
    str,
    StringConstraints(min_length=10, max_length=100),
    Field(
        description="10 to 100 characters, among them an upper-case letter and a digit.",
        examples=[EXAMPLE_PASSWORD],
    ),
    AfterValidator(check_password),
    first(clean_text),
]
"""A new password: 10 to 100 characters, an upper-case letter and a digit."""

Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\r\n]*$"),
    first(clean_text),
]
"""One line of text, such as a title."""

Text = Annotated[str, StringConstraints(max_length=10_000), first(clean_text)]
"""Text of several lines."""


class StrictModel(BaseModel):
    """Base of every request body: nothing unknown, nothing coerced, the input in no error."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, str_max_length=10_000
    )
