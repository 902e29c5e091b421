"""The index of a request's header fields: nothing is lost, and nothing stands twice as once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.request_headers import RequestHeaders, headers_of

NAMES = (b"origin", b"host", b"x")
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=2)), max_size=6)


@given(fields=FIELDS)
def test_every_value_of_every_field_is_there_in_its_order(
    fields: list[tuple[bytes, bytes]],
) -> None:
    headers = RequestHeaders(fields)
    for name in (*NAMES, b"absent"):
        assert headers.values(name) == tuple(value for field, value in fields if field == name)


def test_the_index_is_made_once_for_a_request() -> None:
    scope = {"headers": [(b"host", b"a")]}
    assert headers_of(scope) is headers_of(scope)


def test_headers_that_were_put_in_their_place_later_are_seen() -> None:
    scope = {"headers": [(b"host", b"a")]}
    assert headers_of(scope).values(b"host") == (b"a",)
    scope["headers"] = [(b"host", b"b")]
    assert headers_of(scope).values(b"host") == (b"b",)


@pytest.mark.parametrize(
    ("asked", "has"),
    [((), True), ((b"host",), True), ((b"host", b"accept"), True), ((b"host", b"absent"), False)],
)
def test_whether_all_of_some_fields_were_sent_is_said_without_their_values(
    asked: tuple[bytes, ...], has: bool
) -> None:
    headers = RequestHeaders([(b"host", b"a"), (b"accept", b""), (b"host", b"b")])
    assert headers.has_all(frozenset(asked)) is has
