"""Layer 6: the field types that a fork makes its bodies and queries of."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Column, MetaData, Table, Text, insert, select

from app.layers.validation import (
    Change,
    Identifier,
    Line,
    SearchText,
    SortKeys,
    StrictModel,
    Username,
)
from tests.databases import in_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

ID = "0b5b0d3e-6c1f-4c4e-9d5a-3f2a1b0c9d8e"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ada", "ada"),
        ("Ada", "ada"),
        ("ADA.Lovelace_1815-x", "ada.lovelace_1815-x"),
        ("007", "007"),
    ],
)
def test_a_username_has_one_spelling(given: str, kept: str) -> None:
    assert TypeAdapter(Username).validate_python(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        *("", "ab", "x" * 31, " ada", "ada ", "ada\n", "a b", "a\x00b", "ada@home", "../ada"),
        *(".ada", "ada.", "a..b", "a._b", "аda", "ａｄａ", "adä", "İbrahim", "ada\u200b", 1, None),
    ],
    ids=ascii,
)
def test_a_username_has_no_look_alike_and_no_second_meaning(given: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Username).validate_python(given)


class Deletion(StrictModel):
    """A body with an id."""

    id: Identifier


@pytest.mark.parametrize("given", [ID, ID.upper()])
def test_an_identifier_is_a_uuid_in_its_usual_form(given: str) -> None:
    assert Deletion.model_validate({"id": given}).id == uuid.UUID(ID)


@pytest.mark.parametrize(
    "given",
    [
        *("", "1", ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", f" {ID}", f"{ID}\n"),
        *(ID.replace("0", "０"), ID[:-1], f"{ID}0", ID.replace("b", "g"), "' OR 1=1"),
        *(1, None, [ID], {"$ne": ID}),
    ],
    ids=ascii,
)
def test_an_identifier_in_any_other_form_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        Deletion.model_validate({"id": given})


Sort = Annotated[str, SortKeys("created_at", "title")]


@pytest.mark.parametrize("key", ["created_at", "-created_at", "title", "-title"])
def test_a_list_is_sorted_by_what_it_may_be_sorted_by(key: str) -> None:
    assert TypeAdapter(Sort).validate_python(key) == key
    assert key in TypeAdapter(Sort).json_schema()["enum"]


@pytest.mark.parametrize(
    "key",
    [
        *("", "-", "--title", "+title", "Title", "title ", "title,created_at", "password_hash"),
        *("title; DROP TABLE users", "(SELECT 1)", "title DESC", "1", "__class__"),
        *(1, None, ["title"]),
    ],
    ids=ascii,
)
def test_a_list_is_sorted_by_nothing_else(key: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Sort).validate_python(key)


@pytest.mark.parametrize(
    "text", ["O'Brien", "100 %", "a_b", "\\", "日本語", "' OR 1=1 --", "*", "["]
)
def test_what_is_looked_for_is_found_as_it_is(text: str) -> None:
    assert TypeAdapter(SearchText).validate_python(f" {text} ") == text


@pytest.mark.parametrize("text", ["", "  ", "x" * 101, "a\nb", "a\x00b", "\ud800", 1, None])
def test_what_nobody_looks_for_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(SearchText).validate_python(text)


LINES = ("O'Brien", "100 %", "1000", "a_b", "axb", "back\\slash", "' OR 1=1 --", "日本語")
things = Table("things", MetaData(), Column("line", Text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("'", {"O'Brien", "' OR 1=1 --"}),
        ("%", {"100 %"}),
        ("0 %", {"100 %"}),
        ("a_b", {"a_b"}),
        ("\\", {"back\\slash"}),
        ("' OR 1=1 --", {"' OR 1=1 --"}),
        ("') UNION SELECT 1 --", set()),
        ("本", {"日本語"}),
        ("[a-z]", set()),
    ],
)
def test_a_search_finds_letters_and_no_patterns(
    own_database_url: str, text: str, found: set[str]
) -> None:
    wanted = TypeAdapter(SearchText).validate_python(text)

    def search(connection: Connection) -> set[str]:
        things.create(connection)
        connection.execute(insert(things), [{"line": line} for line in LINES])
        query = select(things.c.line).where(things.c.line.contains(wanted, autoescape=True))
        return set(connection.scalars(query))

    assert in_database(own_database_url, search) == found


class LetterChange(Change):
    """A body that changes a thing."""

    title: Line | None = None
    text: str | None = None


def test_a_change_says_what_it_changes_and_nothing_else() -> None:
    change = LetterChange.model_validate({"title": "new"})
    assert change.model_dump(exclude_unset=True) == {"title": "new"}
    described = LetterChange.model_json_schema()
    assert described["minProperties"] == 1
    assert described["properties"]["text"]["type"] == "string"
    assert "null" not in str(described)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({}, "nothing_to_change"),
        ({"title": None}, "null"),
        ({"title": "new", "text": None}, "null"),
        ({"owner_id": ID}, "extra_forbidden"),
    ],
    ids=str,
)
def test_a_change_of_nothing_or_to_nothing_is_refused(body: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LetterChange.model_validate(body)
    assert caught.value.errors()[0]["type"] == rule
