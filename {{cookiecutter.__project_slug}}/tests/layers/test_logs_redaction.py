"""Layer 10, redaction by example: what survives, how a name is read, what the bounds are."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.layers.logs import redact
from app.layers.logs.card_numbers import is_card_number
from app.layers.logs.redaction import Limits
from app.layers.logs.redaction_keys import is_sensitive_key
from app.layers.logs.redaction_text import MARK, redact_text

if TYPE_CHECKING:
    import uuid


@settings(deadline=None)
@given(
    st.uuids(),
    st.integers(10**15, 10**16 - 1),
    st.text("0123456789abcdef", min_size=32, max_size=32),
)
def test_twin_identifiers_paths_and_ordinary_numbers_survive(
    identifier: uuid.UUID, number: int, digest: str
) -> None:
    path = f"/api/v1/notes/{identifier}"
    assert redact_text(path) == path
    assert redact_text(digest) == digest
    assert redact({"id": identifier})["id"] == str(identifier)
    if not is_card_number(number):
        assert redact({"count": number})["count"] == number
        assert redact_text(f"order {number} is ready") == f"order {number} is ready"


@pytest.mark.parametrize(
    "text",
    [
        "The password is too short, choose another",
        "basic authentication is off, use bearer authentication",
        "token expired",
        "GET /api/v1/accounts/me?fields=name",
        "2026-11-23T13:50:00.123456Z 12.5 ms 127.0.0.1:8000",
        "https://api.example.com:8443/healthz",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        'Bearer realm="service", error="invalid_token"',
        "4111111111111112",
        "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "max_tokens=4096 token_type=Bearer",
        "author: Bob",
        "first line\n\tsecond line",
        "a@b",
    ],
)
def test_twin_an_innocent_text_survives(text: str) -> None:
    assert redact_text(text) == text


def test_twin_an_innocent_structure_survives() -> None:
    value = {
        "findings": [{"field": "body.password", "rule": "string_too_short"}],
        "counts": (3, 4.5, True, None),
        "shipping": "by sea",
        "token_type": "Bearer",
        "password": None,
        "email_verified": True,
    }
    assert redact(value) == {**value, "counts": [3, 4.5, True, None]}


SPELLINGS = """
password newPassword PASSWORD_HASH X-API-Key apiKey access_token accessToken Set-Cookie ｔｏｋｅｎ
pass\u200bword userPIN cvv2 x-auth aws_secret_access_key sessionId HTTPAuthorization e-mail
input_value client\u00a0secret
"""


@pytest.mark.parametrize("key", re.split(r"[ \n]+", SPELLINGS.strip()))
def test_a_name_is_sensitive_however_it_is_spelt(key: str) -> None:
    assert is_sensitive_key(key)


UNSEEN = {
    "NUL": "\x00",
    "BS": "\x08",
    "DEL": "\x7f",
    "C1": "\x9b",
    "line break": "\n",
    "zero-width space": "\u200b",
    "soft hyphen": "\xad",
    "byte order mark": "\ufeff",
    "right to left": "\u202e",
    "line separator": "\u2028",
    "combining acute": "\u0301",
    "combining joiner": "\u034f",
    "variation selector": "\ufe0f",
    "private use": "\ue000",
    "surrogate": "\ud800",
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_seen_in_a_name_hides_nothing(name: str) -> None:
    unseen = UNSEEN[name]
    for key in ("cvv", "pin", "otp", "token", "userPin"):
        for place in range(len(key) + 1):
            split = f"{key[:place]}{unseen}{key[place:]}"
            assert list(redact({split: "123"}).values()) == [MARK]
    assert redact({f"C{unseen}vv": "123"}) == redact(redact({f"C{unseen}vv": "123"}))


@pytest.mark.parametrize(
    "unseen", [sign for sign in UNSEEN.values() if unicodedata.category(sign)[0] == "C"], ids=ascii
)
def test_what_is_not_seen_may_stand_between_two_words(unseen: str) -> None:
    assert is_sensitive_key(f"otp{unseen}code")
    assert is_sensitive_key(f"user{unseen}pin")


@pytest.mark.parametrize("name", UNSEEN)
def test_twin_what_is_not_seen_in_an_ordinary_name_makes_no_secret_of_it(name: str) -> None:
    split = f"ship{UNSEEN[name]}ping"
    assert list(redact({split: "by sea"}).values()) == ["by sea"]


@pytest.mark.parametrize(
    "key", ["shipping", "author", "spinning", "path", "status", "user", "tokenType", "key", "", "é"]
)
def test_twin_an_ordinary_name_is_not_sensitive(key: str) -> None:
    assert not is_sensitive_key(key)


class Hostile:
    """Fails at whatever it is asked."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __hash__(self) -> int:
        return 1

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no")


class HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class HostileDict(dict[Any, Any]):
    def items(self) -> Any:
        raise RuntimeError("no")


HOSTILE = {
    "object": Hostile(),
    "key": {Hostile(): 1},
    "member": [Hostile()],
    "text": HostileText("x"),
    "dict": HostileDict(a=1),
    "wide integer": 2**70,
    "low integer": -(2**63) - 1,
    "integer too long for text": 10**5000,
    "not a number": float("nan"),
    "infinity": float("-inf"),
    "bytes": b"\xff\xfe",
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "surrogate": "\ud800",
    "surrogate key": {"\udfff": "\ud800"},
    "range": range(3),
    "error": ValueError(Hostile()),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_becomes_text_and_its_neighbours_stay(name: str) -> None:
    safe = redact({"value": HOSTILE[name], "neighbour": 1})
    json.dumps(safe, allow_nan=False).encode("utf-8")
    assert safe["neighbour"] == 1


def test_a_cycle_ends() -> None:
    ring: dict[str, Any] = {}
    ring["again"] = ring
    assert json.dumps(redact(ring)).count("again") == Limits().depth


def test_the_amount_of_work_is_bounded() -> None:
    wide = [[[list(range(100))] * 100] * 100] * 100
    usual = Limits()
    most = usual.values + usual.depth * usual.items
    assert json.dumps(redact(wide)).count(",") < most
    assert len(redact({str(number): number for number in range(100)})) == Limits().items


def test_what_forges_or_reorders_a_line_is_dropped() -> None:
    assert redact_text("a\u2028b\u202ec\x85d\x1b[31me\x00f\r\ng\u00a0h") == "abcd[31mef\ng h"


def test_a_secret_can_not_hide_behind_a_mark_that_is_dropped() -> None:
    assert redact_text("pass\u200bword=hunter2") == f"password={MARK}"


def test_a_card_among_other_numbers_is_found() -> None:
    assert redact_text("2026 4111 1111 1111 1111 12") == f"2026 {MARK} 12"
    assert redact({"number": 4111111111111111, "exact": 4111111111111111.0}) == {
        "number": MARK,
        "exact": MARK,
    }


def test_a_secret_that_another_one_hides_is_found_too() -> None:
    key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    assert redact_text(f"{key}4111 1111 1111 1111") == MARK + MARK


def test_a_name_that_is_a_secret_is_replaced_too() -> None:
    assert redact({"bob@example.com": 1}) == {MARK: 1}


def test_the_values_of_a_failed_statement_are_left_out() -> None:
    text = "(IntegrityError) [SQL: INSERT INTO note VALUES (?)]\n[parameters: ('dear diary',)]"
    assert "diary" not in redact_text(text)
    assert "INSERT INTO note" in redact_text(text)


def test_what_pydantic_echoes_is_left_out() -> None:
    text = (
        "body\n  Input should be valid [type=x, input_value={'diary': ['dear', 'diary']}, y=1]\nend"
    )
    shown = redact_text(text)
    assert "dear" not in shown
    assert shown.endswith("\nend")


@pytest.mark.parametrize("filler", ["x ", "é "])
def test_half_a_secret_at_the_end_of_long_bytes_does_not_survive(filler: str) -> None:
    # So many secrets before it that all that is read shrinks to less than a line holds.
    text = "password=" + "y" * 8100 + " " + filler + "Hunter2x" * 9000
    assert "Hunter2x" not in redact(text.encode())
    assert "Hunter2x" not in redact(text)
