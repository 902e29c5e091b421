"""Layer 10: what a line looks like, that it is one, and that nothing keeps it from stdout."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.layers.logs import Event, LogsSettings, log_event, log_unexpected
from app.layers.logs.events import LEVELS, level_of
from app.layers.logs.lines import MAX_LINE, encode, error_fields, render
from app.layers.logs.pipeline import Pipeline, pipeline
from app.request_context import RequestContext, current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Read = Callable[[], list[dict[str, Any]]]

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Send the process's lines to a file; return a function that reads them."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    monkeypatch.setattr(pipeline, "descriptor", descriptor)
    monkeypatch.setattr(pipeline, "settings", LogsSettings(service_name="tested"))
    yield lambda: [json.loads(line) for line in path.read_bytes().splitlines()]
    os.close(descriptor)


def raised(error: Exception) -> Exception:
    """Return the error with a traceback."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        fail()
    return caught.value


def test_an_event_is_one_line_with_what_where_when_and_who(
    written: Read,
) -> None:
    context = RequestContext("ab" * 16, client="203.0.113.9", account="an-account")
    token = current.set(context)
    dotted: dict[str, Any] = {"url.path": "/x"}
    log_event(Event.AUTHZ_FAIL, needs="admin", **dotted)
    current.reset(token)
    (line,) = written()
    at = datetime.fromisoformat(line.pop("@timestamp"))
    assert at.utcoffset() == timedelta(0)
    assert len(line.pop("user.hash")) == 16
    assert line == {
        "log.level": "warning",
        "message": "authz_fail",
        "event.action": "authz_fail",
        "http.request.id": "ab" * 16,
        "source.ip": "203.0.113.9",
        "service.name": "tested",
        "process.pid": os.getpid(),
        "ecs.version": "8.17.0",
        "app.needs": "admin",
        "url.path": "/x",
    }


def test_an_event_outside_of_any_request_is_written_too(
    written: Read,
) -> None:
    log_event(Event.SYS_STARTUP, level="DEBUG")
    (line,) = written()
    assert (line["event.action"], line["log.level"]) == ("sys_startup", "debug")
    assert not {"http.request.id", "source.ip", "user.hash"} & set(line)


def test_an_account_has_one_hash_whoever_names_it(
    written: Read,
) -> None:
    account = "0b1f5a30-8a17-4b7e-9c1a-55d4b1f0c9aa"
    log_event(Event.AUTHN_LOGIN_SUCCESS, user=account)
    token = current.set(RequestContext("0" * 32, account=account))
    log_event(Event.AUTHN_LOGOUT)
    current.reset(token)
    log_event(Event.AUTHN_LOGIN_FAIL, user=None)
    named, known, nobody = written()
    assert named["user.hash"] == known["user.hash"]
    assert account not in json.dumps([named, known])
    assert nobody["user.hash"] is None


def test_an_unexpected_error_tells_its_place_and_cause_without_secrets_or_source(
    written: Read,
) -> None:
    cause = raised(KeyError("the cause"))
    error = ValueError("postgresql://app:hunter2@db/app")
    error.__cause__ = cause
    log_unexpected(raised(error))
    (line,) = written()
    assert line["event.action"] == "unexpected_error"
    assert line["log.level"] == "error"
    assert line["error.type"] == "ValueError"
    assert "caused by KeyError" in line["error.stack_trace"]
    assert f"{__file__}:" in line["error.stack_trace"]
    text = json.dumps(line)
    assert "hunter2" not in text
    assert "raise error" not in text, "source lines may hold secrets"


def test_a_deep_stack_keeps_its_innermost_calls(
    written: Read,
) -> None:
    def fall(depth: int) -> None:
        if depth == 0:
            raise LookupError
        fall(depth - 1)

    with pytest.raises(LookupError) as caught:
        fall(200)
    log_unexpected(ExceptionGroup("group", [caught.value]))
    (line,) = written()
    assert line["error.stack_trace"].startswith("ExceptionGroup\ncaused by LookupError\n  ")
    assert "raise" not in line["error.stack_trace"]


@pytest.mark.parametrize(
    "value",
    ["x" * 100_000, ["é" * 3000] * 60, {f"k{n}": "→" * 500 for n in range(90)}, "🙂" * 3000],
)
def test_a_line_is_never_longer_than_what_a_pipe_takes_whole(value: Any) -> None:
    known = {"log.level": "info", "message": "m", "event.action": "request"}
    fields = {"url.path": "/" + "é" * 3000, "a": value, "b": value, "c": value}
    line = render(NOON, known, fields)
    assert len(line) <= MAX_LINE
    assert line.count(b"\n") == 1
    entry = json.loads(line)
    assert entry["app.is_cut"] is True
    assert entry["event.action"] == "request"
    assert entry["url.path"].startswith("/é")


def test_the_time_is_written_in_utc_and_says_so() -> None:
    assert json.loads(render(NOON, {}, {}))["@timestamp"] == "2026-11-23T12:00:00Z"


def test_what_orjson_refuses_is_still_written() -> None:
    record = {"@timestamp": NOON, "lone": "\ud800", "wide": 2**70, "odd": object(), "b": b"x"}
    entry = json.loads(encode(record))
    assert entry["wide"] == 2**70
    assert entry["lone"] == "\ud800"


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_no_field_makes_an_event_raise_or_vanish(
    written: Read,
) -> None:
    ring: list[Any] = []
    ring.append(ring)
    values: dict[str, Any] = {
        "a": Hostile(),
        "b": 2**70,
        "c": "\ud800",
        "d": b"\xff",
        "e": ring,
        "user": Hostile(),
    }
    log_event(Event.AUTHZ_FAIL, error=raised(ValueError(Hostile())), **values)
    (line,) = written()
    assert line["event.action"] == "authz_fail"
    assert pipeline.lost == 0


def test_a_field_can_not_forge_a_line_or_another_field(
    written: Read,
) -> None:
    log_event(Event.AUTHZ_FAIL, reason='x"}\n{"event.action": "sys_startup"}', message="other")
    (line,) = written()
    assert line["message"] == "authz_fail"
    assert line["app.message"] == "other"
    assert "\n" in line["app.reason"]


def test_a_request_goes_on_when_its_line_can_not_be_written() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    broken = Pipeline(writer)
    broken.write("INFO", {}, {"message": "lost"})
    broken.write("INFO", {}, {"message": "lost"})
    os.close(writer)
    assert broken.lost == 2


def test_a_line_cut_by_a_full_disk_does_not_spoil_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    whole_write, space = os.write, iter([9, 0])

    def write(target: int, data: bytes) -> int:
        left = next(space, len(data))
        if left == 0:
            raise OSError(errno.ENOSPC, "full")
        return whole_write(target, data[:left])

    monkeypatch.setattr("os.write", write)
    disk = Pipeline(descriptor)
    for message in ("cut", "first", "second"):
        disk.write("INFO", {}, {"message": message})
    os.close(descriptor)
    cut, *whole = path.read_bytes().splitlines()
    assert len(cut) == 9
    assert [json.loads(line)["message"] for line in whole] == ["first", "second"]
    assert disk.lost == 1


def test_every_event_has_a_level_and_a_name_like_its_member() -> None:
    assert all(event.value == event.name.lower() for event in Event)
    assert level_of(Event.AUTHN_TOKEN_REUSE) == "CRITICAL"
    assert level_of(Event.SYS_STARTUP) == "INFO"
    assert set(LEVELS) <= set(Event)


def test_an_error_that_was_never_raised_is_described() -> None:
    assert error_fields(ValueError("x"))["error.stack_trace"] == "ValueError"


@pytest.mark.parametrize("name", ["", "two words", "a" * 65, "line\nbreak", 'quo"te'])
def test_a_service_name_is_one_word(name: str) -> None:
    with pytest.raises(ValueError, match="service_name"):
        LogsSettings(service_name=name)


def test_warnings_can_not_be_silenced() -> None:
    with pytest.raises(ValueError, match="level"):
        LogsSettings(level="ERROR")
