"""What may be written to a log: any value in, a harmless JSON tree out. Pure.

A value under a sensitive name is replaced whole (`redaction_keys`), text loses the secrets that
have a shape (`redaction_text`), and what JSON can't hold becomes text. Depth, width, length and
the whole amount of work are bounded, cycles end by depth, and no value makes it raise: a log call
in an error handler must not be the second error.

Does not find: a password in running text that no name announces, or a secret that was encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple

from app.layers.logs.card_numbers import is_card_number
from app.layers.logs.redaction_keys import MAX_KEY, is_sensitive_key
from app.layers.logs.redaction_text import CUT, MARK, MAX_READ, MAX_TEXT, redact_text


class Limits(NamedTuple):
    """How much of a value is written."""

    text: int = MAX_TEXT
    """Characters of one string."""
    items: int = 64
    """Members of one container."""
    depth: int = 6
    """Containers within each other."""
    values: int = 256
    """Values altogether; bounds the work."""


USUAL = Limits()
MAX_PRINTABLE = 256
"""Characters of what `printable` returns."""
_MAX_SENT = 512
"""Bytes of what it looks at. A refusal must stay cheap, and longer is no origin and no list of
headers that anybody means."""
_BYTES = (bytes, bytearray, memoryview)
_SEQUENCES = (list, tuple, set, frozenset)
_WIDEST_INTEGER = 64  # bits; what log stores index


def redact(value: object, limits: Limits = USUAL) -> Any:
    """Return a JSON tree without secrets. Never raises; redacting twice changes nothing more."""
    return _Redaction(limits).any(value, 0)


def printable(sent: bytes) -> str:
    """Return what a client sent as printable ASCII without secrets, `MAX_PRINTABLE` long at most.

    Redacted before it is escaped and cut: an escape may hide a secret's shape, and a cut its end.
    So of what is too long to be looked at whole, only the length is told.
    """
    if len(sent) > _MAX_SENT:
        return f"<{len(sent)} bytes>"
    text = redact_text(sent.decode("utf-8", "backslashreplace"), MAX_PRINTABLE // 2)
    return text.encode("unicode_escape").decode("ascii")[:MAX_PRINTABLE]


class _Redaction:
    """One walk over one value."""

    __slots__ = ("left", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.values

    def any(self, value: object, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            return CUT
        kind = type(value)
        if kind is str:
            return redact_text(value, self.limits.text)  # type: ignore[arg-type]
        if value is None or kind is bool:
            return value
        try:
            if kind is int:
                return _number(value)  # type: ignore[arg-type]
            return self._other(value, depth)
        except Exception:  # noqa: BLE001 -- a foreign object's methods may raise anything
            return f"<{redact_text(kind.__name__, MAX_KEY)} without text>"

    def _other(self, value: object, depth: int) -> Any:
        if isinstance(value, Enum):
            return self.any(value.value, depth)
        if isinstance(value, (int, float)):
            return _number(value)
        if isinstance(value, (Mapping, *_SEQUENCES)):
            if depth >= self.limits.depth:
                return CUT
            if isinstance(value, Mapping):
                return self._mapping(value, depth)
            return self._sequence(value, depth)
        return redact_text(_as_text(value), self.limits.text)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        # The shape of a form field or an environment: {"name": "password", "value": "…"}.
        named = "value" in value and is_sensitive_key(_as_key(value.get("name")))
        whole = len(value) <= self.limits.items
        for key, item in islice(value.items(), None if whole else self.limits.items - 1):
            name, hidden = _judge(key if type(key) is str else _as_key(key))
            if (hidden or (named and name == "value")) and not _is_flag(item):
                result[name] = MARK
            else:
                result[name] = self.any(item, depth + 1)
        if not whole:
            result[CUT] = CUT
        return result

    def _sequence(self, value: Any, depth: int) -> list[Any]:
        if isinstance(value, tuple) and len(value) == 2:  # noqa: PLR2004 -- a header: name, value
            name, item = value
            if isinstance(name, (str, bytes)) and is_sensitive_key(_as_key(name)):
                return [self.any(name, depth + 1), item if _is_flag(item) else MARK]
        if len(value) <= self.limits.items:
            return [self.any(item, depth + 1) for item in value]
        kept = islice(value, self.limits.items - 1)
        return [*(self.any(item, depth + 1) for item in kept), CUT]


def _is_flag(value: object) -> bool:
    """Return whether a value tells only that something is there: `{"password": null}`."""
    return value is None or type(value) is bool


def _number(value: float) -> float | str:
    """Return a number, or text for one that JSON or an index of 64-bit integers can't hold."""
    if isinstance(value, int):
        exact = int.__int__(value)  # a subclass may print itself as anything
        if exact.bit_length() >= _WIDEST_INTEGER:
            return f"<integer of {exact.bit_length()} bits>"
        return MARK if is_card_number(exact) else exact
    fraction = float.__float__(value)
    if not isfinite(fraction):
        return str(fraction)
    return MARK if fraction.is_integer() and is_card_number(int(fraction)) else fraction


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, _BYTES):
        # At most four bytes a character: what is longer than the limit stays longer.
        return bytes(value[: 4 * MAX_READ + 1]).decode("utf-8", "backslashreplace")
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return str(value)


def _as_key(key: object) -> str:
    try:
        return _as_text(key)
    except Exception:  # noqa: BLE001 -- as above; the other members stay readable
        return f"<{type(key).__name__} without text>"


def _judge(key: str) -> tuple[str, bool]:
    """Return a key as it may be written, and whether its value may not."""
    return (redact_text(key, MAX_KEY), True) if len(key) > MAX_KEY else _judge_cached(key)


@lru_cache(maxsize=4096)
def _judge_cached(key: str) -> tuple[str, bool]:
    return redact_text(key, MAX_KEY), is_sensitive_key(key)
