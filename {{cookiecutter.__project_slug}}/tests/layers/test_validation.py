"""Layer 6: what a body and a field may be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.accounts.schemas import Signup
from app.errors import Malformed
from app.layers.validation import (
    Email,
    LaxRouteError,
    Line,
    Password,
    StrictModel,
    Text,
    is_json,
    parse_json,
    require_strict_routes,
)


class Letter(StrictModel):
    """A body such as domains have."""

    title: Line
    text: Text = ""


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # A lone surrogate can't be sent as UTF-8; an escaped one is a test of its own below.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_plain_json_reads_as_what_it_says(value: Any) -> None:
    assert parse_json(json.dumps(value).encode(), max_depth=64) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed_and_nothing_else_happens(body: bytes) -> None:
    try:
        value = parse_json(body, max_depth=16)
    except Malformed:
        return
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "a": 1}}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b"[" * 17 + b"]" * 17,
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b'{"a": 1}{"a": 2}',
        b"1" * 5_000,
        b'{"a": 9007199254740992}',
        b'{"a": -9007199254740992}',
        b'{"a": 1e999}',
        b'{"a": -1.5e999}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_can_be_read_in_two_ways_or_not_at_all_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_json(body, max_depth=16)


@pytest.mark.parametrize("number", [0, -1, 2**53 - 1, 1 - 2**53, 0.5, -1e300, 1e-400])
def test_a_number_that_every_parser_can_hold_is_read(number: float) -> None:
    assert parse_json(json.dumps({"a": number}).encode(), max_depth=16) == {"a": number}


def test_the_deepest_allowed_body_is_read() -> None:
    assert parse_json(b"[" * 16 + b"]" * 16, max_depth=16)


@pytest.mark.parametrize(
    ("content_type", "verdict"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('application/json; charset="UTF-8"', True),
        ("APPLICATION/JSON", True),
        ("", False),
        ("text/plain", False),
        ("application/json; charset=utf-16", False),
        ("application/json ;\tcharset=utf-8 ", True),
        ("application/json, text/plain", False),
        ("application/json, application/json", False),
        ("application/json; utf-8", False),
        ("application/json; charset=utf-8; charset=utf-16", False),
        ('application/json; charset="utf-8', False),
        ("application/json; charset=utf-8\n", False),
        ("application/jſon", False),
        ("application/x-www-form-urlencoded", False),
        ("application/problem+json", False),
    ],
)
def test_only_json_in_utf8_is_json(content_type: str, *, verdict: bool) -> None:
    assert is_json(content_type) is verdict


@pytest.mark.parametrize(
    "title", ["O'Brien", "'; DROP TABLE notes; --", "{{7*7}}", "日本語", "<b>", "a\tb", "😀"]
)
def test_odd_text_is_kept_as_it_is(title: str) -> None:
    assert Letter.model_validate({"title": title}).title == title


@pytest.mark.parametrize(
    "title",
    [
        "",
        " ",
        "a\x00b",
        "a\nb",
        "a\rb",
        "a\u2028b",
        "\x85",
        "\x1b[31m",
        "\ud800",
        "x" * 201,
        1,
        True,
        None,
        ["a"],
        {},
    ],
)
def test_text_that_would_harm_somebody_down_the_line_is_refused(title: object) -> None:
    with pytest.raises(ValidationError):
        Letter.model_validate({"title": title})


def test_equal_looking_text_is_equal() -> None:
    assert TypeAdapter(Line).validate_python("e\u0301") == "\u00e9"


class Order(StrictModel):
    """A body with types that are easily taken for one another."""

    amount: int
    express: bool = False


@pytest.mark.parametrize(
    "body",
    [{"amount": "1"}, {"amount": True}, {"amount": 1.0}, {"amount": 1, "express": "yes"}],
    ids=str,
)
def test_a_value_of_another_type_is_not_made_to_fit(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Order.model_validate(body)


@pytest.mark.parametrize("field", ["id", "owner_id", "role", "created_at", "is_admin", "__class__"])
def test_an_unknown_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationError):
        Letter.model_validate({"title": "a", field: "x"})
    with pytest.raises(ValidationError):
        Signup.model_validate({"email": "a@example.com", "password": "Correct-horse-7", field: "x"})


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Ann@Example.com", "ann@example.com"),
        ("ann@EXAMPLE.COM", "ann@example.com"),
        ("ａｎｎ@example.com", "ann@example.com"),
    ],
)
def test_an_address_has_one_spelling(written: str, folded: str) -> None:
    assert TypeAdapter(Email).validate_python(written) == folded


@pytest.mark.parametrize(
    "address",
    [
        "victim＠example.com@attacker.com",
        "a，b@example.com",
        "＜script＞@example.com",
        "Ann <ann@example.com>",
        "\ufdfa" * 20 + "@example.com",
    ],
)
def test_no_address_becomes_another_one_by_folding(address: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Email).validate_python(address)


@given(st.text(max_size=60))
def test_an_address_that_is_taken_is_one_and_stays_itself(local: str) -> None:
    email = TypeAdapter(Email)
    try:
        taken = email.validate_python(f"{local}@example.com")
    except ValidationError:
        return
    assert taken.count("@") == 1
    assert email.validate_python(taken) == taken


@pytest.mark.parametrize(("kind", "bound"), [(Line, 200), (Text, 10_000), (Password, 100)])
def test_what_is_bounded_is_what_is_stored(kind: type[str], bound: int) -> None:
    """U+FB2C becomes three characters in NFC: a bound before that is no bound."""
    for length in (34, 67, 100, 200, 3_334, 10_000):
        try:
            stored = TypeAdapter(kind).validate_python("\ufb2c" * length + "A1")
        except ValidationError:
            continue
        assert len(stored) <= bound


@pytest.mark.parametrize("address", ["", "a", "a@b", "a@@b.com", "a@b.com\n", "a b@c.com", 1, None])
def test_what_is_no_address_is_refused(address: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Email).validate_python(address)


@pytest.mark.parametrize(
    "password", ["Correct-horse-7", "Aa345678901", "A1" + "x" * 98, "ÄÖÜ1234567"]
)
def test_a_password_within_the_policy_is_taken(password: str) -> None:
    assert TypeAdapter(Password).validate_python(password) == password


@pytest.mark.parametrize(
    "password",
    [
        "Short-7",
        "no-upper-case-7",
        "No-digit-at-all",
        "A1" + "x" * 99,
        "Nul-\x00-byte-7",
        1234567890,
    ],
)
def test_a_password_outside_the_policy_is_refused(password: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Password).validate_python(password)
    assert caught.value.error_count() == 1


def test_a_plain_router_keeps_the_service_from_starting() -> None:
    app, lax = FastAPI(openapi_url=None), APIRouter()

    @lax.get("/lax")
    async def endpoint() -> None:
        return None

    app.include_router(lax)
    with pytest.raises(LaxRouteError, match="/lax"):
        require_strict_routes(app)
