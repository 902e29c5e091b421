"""Layer 6: what a query may hold."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.layers.validation import check_query


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("limit=1&cursor=x", []),
        ("limit=1&limit=2", ["repeated"]),
        ("limit[$gt]=1", ["extra_forbidden"]),
        ("limit%5B%5D=1", ["extra_forbidden"]),
        ("LIMIT=1", ["extra_forbidden"]),
        ("admin=true", ["extra_forbidden"]),
        ("limit", []),
        ("&" * 60, ["too_many"]),
        ("&".join(f"limit={number}" for number in range(60)), ["too_many"]),
        ("cursor=%ff", ["encoding"]),
        ("cursor=%C0%80", ["encoding"]),
        ("cursor=%ED%A0%80", ["encoding"]),
        ("cursor=%", ["encoding"]),
        ("cursor=%4", ["encoding"]),
        ("cursor=%u0041", ["encoding"]),
        ("cursor=\xe4", ["encoding"]),
        ("cursor=a b", ["encoding"]),
        ("cursor=%00", ["control_characters"]),
        ("cursor=%0D%0ASet-Cookie:x", ["control_characters"]),
        ("cursor=%C2%85", ["control_characters"]),
        ("cursor=%C3%A4+%0A", []),
    ],
)
def test_a_query_holds_known_parameters_once(query: str, rules: list[str]) -> None:
    found = check_query(query, frozenset({"limit", "cursor"}))
    assert [item["type"] for item in found] == rules
    assert "admin" not in repr(found)


@given(
    st.lists(
        st.text("ab%&=+ äé\0", max_size=4) | st.sampled_from(["%41", "%26", "%3D", "%2B", "%C3%A4"])
    )
)
def test_a_query_is_read_as_the_framework_reads_it(parts: list[str]) -> None:
    """Else a name or a value that is checked is another one than what a handler gets."""
    query = "".join(parts)
    known = frozenset({"a", "b", "ab", "aa", "bb", ""})
    found = check_query(query, known)
    read = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in read]
    is_plain = not found
    assert is_plain is (
        query.isascii()
        and " " not in query
        and "\0" not in query
        and re.search("%(?![0-9A-F]{2})", query) is None
        and "\ufffd" not in str(read)
        and len(names) == len(set(names))
        and known >= set(names)
    )
