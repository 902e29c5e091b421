"""Layer 10: every request leaves one line, however it ends."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from app.layers.logs import LogsMiddleware, LogsSettings
from app.layers.logs.pipeline import pipeline
from app.request_context import SCOPE_KEY, RequestContext, context_of, current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Read = Callable[[], list[dict[str, Any]]]

pytestmark = pytest.mark.anyio

ID = "0123456789abcdef" * 2
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]}
END: Message = {"type": "http.response.body", "body": b"twelve bytes"}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Send the process's lines to a file; return a function that reads them."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    monkeypatch.setattr(pipeline, "descriptor", descriptor)
    yield lambda: [json.loads(line) for line in path.read_bytes().splitlines()]
    os.close(descriptor)


def request(headers: list[tuple[bytes, bytes]] | None = None, **changes: Any) -> Scope:
    """Return the scope of a request."""
    return {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/notes",
        "query_string": b"",
        "client": ("203.0.113.9", 40_000),
        "headers": headers or [],
        **changes,
    }


async def call(app: ASGIApp, scope: Scope, *received: Message) -> list[Message]:
    """Send a request through the layer; return what the server would be given."""
    sent: list[Message] = []
    waiting = [*received]

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await LogsMiddleware(app, LogsSettings())(scope, receive, send)
    return sent


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with twelve bytes."""
    del scope, receive
    await send(dict(START))
    await send(END)


async def test_a_request_leaves_one_line(written: Read) -> None:
    class Route:
        path = "/api/v1/notes/{note_id}"

    scope = request([(b"user-agent", b"tests/1.0")], query_string=b"q=x", route=Route)
    await call(answer, scope)
    (line,) = written()
    assert line["event.duration"] > 0
    expected = {
        "log.level": "info",
        "message": "request",
        "event.action": "request",
        "event.outcome": "success",
        "http.request.id": context_of(scope).request_id,
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.response.body.bytes": 12,
        "http.route": "/api/v1/notes/{note_id}",
        "source.ip": "203.0.113.9",
        "url.path": "/api/v1/notes",
        "user_agent.original": "tests/1.0",
    }
    assert expected.items() <= line.items()


async def test_the_line_holds_nothing_of_the_query(written: Read) -> None:
    await call(answer, request(query_string=b"reset=OPAQUE-VALUE", raw_path=b"/api/v1/notes"))
    assert "OPAQUE" not in json.dumps(written())
    assert "reset" not in json.dumps(written())


async def test_the_path_and_the_user_agent_are_redacted_and_bounded(written: Read) -> None:
    agent = b"Bearer abcdefgh12345678 \xc3\xa9 \xff " + b"x" * 9000
    await call(answer, request([(b"user-agent", agent)], path="/reset/bob@example.com\u202e\n"))
    (line,) = written()
    assert line["url.path"] == "/reset/[redacted]\n"
    assert line["user_agent.original"].startswith("Bearer [redacted] é \ufffd x")
    assert len(line["user_agent.original"]) < 600


@pytest.mark.parametrize(
    "ids",
    [[], [b"short"], [ID.upper().encode()], [ID.encode() + b"\n"], [ID.encode()] * 2, [b"g" * 32]],
)
async def test_an_id_that_nginx_did_not_make_is_replaced(written: Read, ids: list[bytes]) -> None:
    sent = await call(answer, request([(b"x-request-id", value) for value in ids]))
    (line,) = written()
    fresh = line["http.request.id"]
    assert fresh != ID
    assert len(bytes.fromhex(fresh)) == 16
    assert sent[0]["headers"] == [(b"x", b"y"), (b"x-request-id", fresh.encode())]


async def test_the_id_that_nginx_made_is_kept_and_echoed(written: Read) -> None:
    sent = await call(answer, request([(b"x-request-id", ID.encode())]))
    assert written()[0]["http.request.id"] == ID
    assert (b"x-request-id", ID.encode()) in sent[0]["headers"]


async def test_what_the_layers_found_out_is_in_the_line(written: Read) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        assert current.get() is context
        context.client, context.account = "198.51.100.1", "an-account"
        context.refused_by = "authorization"
        await send({**START, "status": 403})
        await answer(scope, receive, lambda message: send({**message, "type": END["type"]}))

    await call(inner, request())
    (line,) = written()
    assert line["source.ip"] == "198.51.100.1"
    assert line["app.refused_by"] == "authorization"
    assert line["event.outcome"] == "failure"
    assert "an-account" not in json.dumps(line)
    assert current.get() is None


async def test_an_application_that_raises_leaves_a_line(written: Read) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        raise LookupError("password=hunter2")

    with pytest.raises(LookupError):
        await call(inner, request())
    (line,) = written()
    assert (line["http.response.status_code"], line["log.level"]) == (500, "error")
    assert line["error.type"] == "LookupError"
    assert "hunter2" not in json.dumps(line)


async def test_an_application_that_raises_halfway_is_a_failure(written: Read) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send(dict(START))
        await send({**END, "more_body": True})
        raise LookupError

    with pytest.raises(LookupError):
        await call(inner, request())
    (line,) = written()
    assert (line["http.response.status_code"], line["event.outcome"]) == (200, "failure")


async def test_a_client_that_left_leaves_a_line(written: Read) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await send(dict(START))
        assert (await receive())["type"] == "http.disconnect"
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await call(inner, request(), {"type": "http.disconnect"})
    (line,) = written()
    assert line["event.outcome"] == "unknown"
    assert line["error.type"] == "CancelledError"


async def test_a_request_that_was_cancelled_unanswered_has_no_status(written: Read) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await call(inner, request())
    (line,) = written()
    assert line["http.response.status_code"] is None


async def test_twin_a_client_that_waited_for_its_answer_did_not_leave(written: Read) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await answer(scope, receive, send)
        await receive()

    await call(inner, request(), {"type": "http.request"}, {"type": "http.disconnect"})
    assert written()[0]["event.outcome"] == "success"


async def test_a_request_without_a_peer_address_has_none_in_its_line(written: Read) -> None:
    await call(answer, request(client=None))
    assert "source.ip" not in written()[0]


async def test_what_is_no_http_request_passes_untouched(written: Read) -> None:
    scope = {"type": "lifespan"}
    seen: list[Scope] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        seen.append(scope)

    await call(inner, scope)
    assert seen == [{"type": "lifespan"}]
    assert SCOPE_KEY not in scope
    assert written() == []


async def test_requests_at_once_keep_their_own_context(written: Read) -> None:
    gate = asyncio.Event()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        mine = current.get()
        assert mine is context_of(scope)
        assert isinstance(mine, RequestContext)
        await answer(scope, receive, send)

    requests = [asyncio.create_task(call(inner, request())) for _ in range(5)]
    gate.set()
    await asyncio.gather(*requests)
    assert len({line["http.request.id"] for line in written()}) == 5
