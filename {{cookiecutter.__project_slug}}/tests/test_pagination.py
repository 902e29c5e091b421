"""Cursors: whatever is given back, the answer is a page or a clear refusal."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Malformed
from app.pagination import decode_cursor, encode_cursor

if TYPE_CHECKING:
    import uuid

moments = st.integers(0, 7 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(moments, st.uuids())
def test_a_cursor_leads_back_to_its_item(moment: datetime, identity: uuid.UUID) -> None:
    assert decode_cursor(encode_cursor(moment, identity)) == (moment, identity)


@given(st.text(max_size=64))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with suppress(Malformed):
        decode_cursor(text)


@pytest.mark.parametrize("cursor", ["", "x", "A" * 31, "A" * 33, "//////////", "é" * 32])
def test_a_broken_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(Malformed):
        decode_cursor(cursor)


def test_a_moment_beyond_the_calendar_is_malformed() -> None:
    far = base64.urlsafe_b64encode(b"\x7f" + b"\xff" * 23).decode().rstrip("=")
    with pytest.raises(Malformed):
        decode_cursor(far)
