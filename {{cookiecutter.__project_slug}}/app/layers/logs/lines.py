"""One line: Elastic Common Schema names, one JSON object, 4096 bytes at most. Pure.

Several workers share one pipe. POSIX promises that writes up to PIPE_BUF (4096 bytes on Linux) are
not mixed with each other, and nothing beyond; a longer record is written again with tighter limits.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from app.layers.logs.redaction import Limits, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from types import TracebackType

MAX_LINE = 4096
"""Bytes, the line break included."""

_TIGHT = Limits(text=192, items=8, depth=3, values=48)
_TIGHTEST = Limits(text=64, items=8, depth=1, values=24)
_KEPT = ("message", "log.logger", "error.type", "url.path")
"""What is left of the fields of a record that is too long even so."""

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_MAX_CHAIN = 4
_MAX_FRAMES = 24
_MAX_STACK = 1800  # characters: leaves half of a line to the rest


def render(time: datetime, known: Mapping[str, Any], fields: Mapping[str, Any]) -> bytes:
    """Return the line of a record, its line break included.

    Args:
        time: in UTC.
        known: short values that the service itself made or checked: constants, ids, addresses,
            counts. Written as they are, which saves half of the time that redaction takes.
        fields: everything else; values may be anything, and are redacted.
    """
    line = encode({"@timestamp": time, **known, **redact(fields)})
    if len(line) <= MAX_LINE:
        return line
    cut = {"@timestamp": time, **known, "app.is_cut": True}
    line = encode(cut | redact(fields, _TIGHT))
    if len(line) <= MAX_LINE:
        return line
    kept = {name: fields[name] for name in _KEPT if name in fields}
    return encode(cut | redact(kept, _TIGHTEST))


def encode(record: dict[str, Any]) -> bytes:
    """Return a record as JSON; what orjson refuses, the slower and more patient `json` takes."""
    try:
        return orjson.dumps(record, option=_OPTIONS)
    except (TypeError, RecursionError):
        text = json.dumps(record, default=str, skipkeys=True)
        return text.encode("ascii") + b"\n"


def application_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields by the names they have in a line.

    A dotted name is a schema's and stays. Any other goes under `app.`: bare, `user` or `source`
    would contradict the schema's objects of that name and a log store would refuse the line.
    `user` is an account's id and is written as its hash.
    """
    named: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "user":
            named["user.hash"] = None if value is None else account_hash(str(redact(value)))
        else:
            named[name if "." in name else f"app.{name}"] = value
    return named


def account_hash(account: str) -> str:
    """Return what stands for an account: the same in every line, and not its id."""
    return sha256(account.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def error_fields(error: BaseException) -> dict[str, Any]:
    """Return what a line says about an error: no source lines and no local values."""
    return {
        "error.type": type(error).__qualname__,
        "error.message": error,
        "error.stack_trace": _stack(error),
    }


def _stack(error: BaseException) -> str:
    """Return the innermost calls of the error and of what caused it, the cause last."""
    parts = []
    for link in _chain(error):
        frames = list(_frames(link.__traceback__))[-_MAX_FRAMES:]
        parts.append("\n".join([type(link).__qualname__, *reversed(frames)]))
    return "\ncaused by ".join(parts)[:_MAX_STACK]


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_MAX_CHAIN):
        if link is None:
            return
        yield link
        if isinstance(link, BaseExceptionGroup):
            link = link.exceptions[0]
        else:
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"  {code.co_filename}:{traceback.tb_lineno} {code.co_qualname}"
        traceback = traceback.tb_next
