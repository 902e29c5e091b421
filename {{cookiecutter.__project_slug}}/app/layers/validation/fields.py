"""What a field may hold: the types that bodies and queries are made of.

What the API's description says of a type is what the type takes: a client that is made from it, or
a judge that tries it, finds no other rule. A pattern that stands in `json_schema_extra` describes
what a check of ours does.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from app.layers.validation.common_passwords import is_common

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler

CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""The control characters but tab and newline, as in a regular expression."""
_UNCLEAN = re.compile(rf"[{CONTROLS}\ud800-\udfff]")
_CANONICAL_UUID = re.compile(r"(?i:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)
_BREAKS = r"\r\n\u2028\u2029"
"""What ends a line to somebody: to terminals, to JavaScript, to Python's `splitlines`."""
_ONE_LINE = rf"^[^{_BREAKS}]*$"
_NOT_BLANK = rf"^[^{_BREAKS}{CONTROLS}]*[^\s{CONTROLS}][^{_BREAKS}{CONTROLS}]*$"


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
    if _UNCLEAN.search(text):
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
        PydanticCustomError: everybody tries it first (ASVS 5.0 V6.2.4). The rule has a name of its
            own, so that a page can say what is wrong.
    """
    if not any(character.isupper() for character in password):
        raise ValueError("needs an upper-case letter")
    if not any(character.isdigit() for character in password):
        raise ValueError("needs a digit")
    if is_common(password):
        raise PydanticCustomError("common_password", "is one of those that everybody tries first")
    return password


def check_uuid(text: str) -> str:
    """Return the text if it is a UUID as RFC 9562 §4 writes it.

    Python's own reading takes braces, `urn:uuid:` and any hyphens too: many names for one thing,
    of which a rule at the edge or a search in the log knows one.

    Raises:
        PydanticCustomError: it is not.
    """
    if _CANONICAL_UUID.fullmatch(text) is None:
        raise PydanticCustomError("uuid_parsing", "is no UUID in its usual form")
    return text


EXAMPLE_EMAIL = "ada@example.com"
EXAMPLE_PASSWORD = "Analytical-Engine-1843"  # noqa: S105 - made up
"""For the docs, where the first click is to work: at the signup, then at the login."""

Email = Annotated[EmailStr, Field(max_length=254, examples=[EXAMPLE_EMAIL]), first(fold_email)]
"""An e-mail address, folded to the spelling that identifies an account."""

Username = Annotated[
    str,
    # ASCII, so that no look-alike of a name is another name; a separator stands between two words.
    StringConstraints(
        min_length=3,
        max_length=30,
        pattern=r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$",
        to_lower=True,
    ),
    Field(examples=["ada.lovelace"]),
]
"""A name that identifies somebody, kept in lower case: `Ada` and `ada` are one."""

GivenPassword = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    Field(
        examples=[EXAMPLE_PASSWORD],
        json_schema_extra={"format": "password", "pattern": rf"^[^{CONTROLS}]*$"},
    ),
    first(clean_text),
]
"""A password to be compared. It is held to no policy: it may be older than ours."""

Password = Annotated[
    str,
    StringConstraints(min_length=10, max_length=100),
    Field(
        description="10 to 100 characters, among them an upper-case letter and a digit; none of "
        "the passwords that everybody tries first.",
        examples=[EXAMPLE_PASSWORD],
        json_schema_extra={"format": "password"},
    ),
    AfterValidator(check_password),
    first(clean_text),
]
"""A new password: 10 to 100 characters, an upper-case letter and a digit, and not a common one."""

Identifier = Annotated[
    # Neither JSON nor a path has UUIDs, so what is strict elsewhere reads text here.
    uuid.UUID,
    Field(strict=False),
    first(check_uuid),
]
"""The id of a thing, in its one spelling."""

Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=_ONE_LINE),
    Field(json_schema_extra={"pattern": _NOT_BLANK}),
    first(clean_text),
]
"""One line of text, such as a title."""

Text = Annotated[
    str,
    StringConstraints(max_length=10_000),
    Field(json_schema_extra={"pattern": rf"^[^{CONTROLS}]*$"}),
    first(clean_text),
]
"""Text of several lines."""

SearchText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=_ONE_LINE),
    Field(json_schema_extra={"pattern": _NOT_BLANK}),
    first(clean_text),
]
"""What somebody looks for. It goes to the database as `column.contains(text, autoescape=True)`:
`%` and `_` are letters like any other, and a search for `%%%%%` costs what others cost."""


class SortKeys:
    """The keys that a list may be sorted by: `Annotated[str, SortKeys("created_at", "title")]`.

    `-title` sorts the other way round. The key picks a column from a dictionary of the service's
    own; nothing a client wrote becomes part of a query.

    Args:
        names: those that are allowed.
    """

    def __init__(self, *names: str) -> None:
        self.allowed = [f"{sign}{name}" for name in names for sign in ("", "-")]

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Take one of them, to the letter."""
        return core_schema.literal_schema(self.allowed)


class StrictModel(BaseModel):
    """Base of every request body: nothing unknown, nothing coerced, the input in no error."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, str_max_length=10_000
    )


def _without_null(schema: dict[str, Any]) -> None:
    """Describe what `Change` takes."""
    schema["minProperties"] = 1
    for told in schema["properties"].values():
        (kind,) = (kind for kind in told.pop("anyOf") if kind != {"type": "null"})
        told.update(kind)
        del told["default"]


class Change(StrictModel):
    """Base of a body that changes a thing: what is left out stays, and something must be there.

    A field is `T | None = None`: None stands for what was left out, and can't be sent.
    """

    model_config = ConfigDict(json_schema_extra=_without_null)

    @field_validator("*", mode="before")
    @classmethod
    def _is_not_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "leave it out")
        return value

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "nothing to change")
        return self
