"""How a JSON body is read: in one way, or not at all. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from app.errors import Malformed

WIDEST = 2**53 - 1
"""A parser that reads numbers as IEEE 754 doubles, as JavaScript does, holds no larger integer
exactly (RFC 7493 §2.2). Longer ids are text."""
_JSON = re.compile(
    r"application/json[ \t]*(?:;[ \t]*charset=(\"?)utf-8\1[ \t]*)?", re.ASCII | re.IGNORECASE
)


def _refuse_constant(_name: str) -> NoReturn:
    raise Malformed("The body holds NaN or Infinity, which JSON does not have.")


def _integer(digits: str) -> int:
    # By length first: Python's own reading of very long numbers takes time, or is refused.
    if len(digits) > len(str(-WIDEST)) or abs(number := int(digits)) > WIDEST:
        raise Malformed("The body holds an integer that not every parser can hold.")
    return number


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):  # 1e999 is Infinity under another name
        raise Malformed("The body holds a number that is too large.")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("The body names a key twice.")
    return found


def _deepest(value: Any, limit: int) -> int:
    """Return how deep the value nests, or limit + 1 as soon as it is deeper; without recursion."""
    level, depth = [value], 0
    while level and depth <= limit:
        nested: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                nested.extend(item.values())
            elif isinstance(item, list):
                nested.extend(item)
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return depth
        level, depth = nested, depth + 1
    return depth


def parse_json(body: bytes, *, max_depth: int) -> Any:
    """Return what a JSON body says, if it can be read in one way only.

    Raises:
        Malformed: not UTF-8, not JSON, a duplicate key, NaN or Infinity, a number that other
            parsers read as another one, or nested too deep.
    """
    try:
        text = body.decode("utf-8", errors="strict")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise Malformed("The body is nested too deep.") from error
    except ValueError as error:
        raise Malformed("The body is not valid JSON.") from error
    if _deepest(value, max_depth) > max_depth:
        raise Malformed("The body is nested too deep.")
    return value


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says JSON in UTF-8."""
    return _JSON.fullmatch(content_type) is not None
