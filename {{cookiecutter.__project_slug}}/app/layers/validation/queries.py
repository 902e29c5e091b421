"""What a query may hold: the parameters that the route names, each once, in one reading. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi.dependencies.models import Dependant


MAX_PARAMETERS = 50
_LITERAL = re.compile(r"(?:[!-$&-~]++|%[0-9A-Fa-f]{2})*+", re.ASCII)
"""Visible ASCII, and escapes that are whole (RFC 3986 §2)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _finding(rule: str, *names: str) -> dict[str, Any]:
    return {"type": rule, "loc": ("query", *names), "msg": ""}


def _pairs(query: str) -> list[tuple[str, str]]:
    """Return names and values as `urllib.parse.parse_qsl` does, in half of its time.

    Raises:
        UnicodeDecodeError: an escape is no UTF-8.
    """
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if "%" not in query and "+" not in query:
        return [(name, value) for name, _, value in pairs]
    return [
        (unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))
        for name, _, value in pairs
    ]


def check_query(query: str, known: frozenset[str]) -> list[dict[str, Any]]:
    """Return a finding for each repeated or unknown parameter, in pydantic's form.

    Repeated: frameworks disagree on which one counts (HTTP parameter pollution). What is no UTF-8
    once it is unescaped, or is no whole escape, is read by each in its own way too, so the query
    is refused as a whole.
    """
    if _LITERAL.fullmatch(query) is None:
        return [_finding("encoding")]
    if query.count("&") >= MAX_PARAMETERS:
        return [_finding("too_many")]
    try:
        pairs = _pairs(query)
    except UnicodeDecodeError:
        return [_finding("encoding")]
    findings: list[dict[str, Any]] = []
    seen: set[str] = set()
    for name, value in pairs:
        if name not in known:
            findings.append(_finding("extra_forbidden", "?"))
        elif name in seen:
            findings.append(_finding("repeated", name))
        elif _CONTROL.search(value):
            findings.append(_finding("control_characters", name))
        seen.add(name)
    return findings


def query_names(dependant: Dependant) -> Iterable[str]:
    """Yield the names of the query parameters that a route and its dependencies take."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (info.alias or name for name, info in model.model_fields.items())
        else:
            yield field.alias
    for inner in dependant.dependencies:
        yield from query_names(inner)
