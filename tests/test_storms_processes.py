"""The storms' processes by themselves: the crowd, the visitor and the issuer's door."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import visitor
from benchmarks.processes import CommandError, output_of
from benchmarks.storms import address, crowd, door
from benchmarks.storms.crowd import Answer, Lane, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# --- what is sent ---------------------------------------------------------------------------------


@contextmanager
def serving(reply: Callable[[BaseHTTPRequestHandler, bytes], tuple[int, Any]]) -> Iterator[int]:
    """Serve on a free port what the function returns: a status, and JSON."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = reply(self, given)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def connecting(port: int) -> Callable[[str], http.client.HTTPConnection]:
    """Return what connects to the port from a lane's address."""
    return lambda source: http.client.HTTPConnection(
        "127.0.0.1", port, timeout=10, source_address=(source, 0)
    )


def test_all_lanes_are_under_way_at_once_and_each_in_its_order() -> None:
    together = threading.Barrier(3)
    seen: list[tuple[str, str]] = []

    def reply(handler: BaseHTTPRequestHandler, given: bytes) -> tuple[int, Any]:
        together.wait(10)  # nobody is answered before all have come
        seen.append((handler.client_address[0], handler.headers["Authorization"]))
        return 401, json.loads(given)

    lanes = [
        Lane(
            address(70, lane),
            [Request("POST", "/", {"number": number}, token=f"t{number}") for number in range(2)],
        )
        for lane in range(3)
    ]
    with serving(reply) as port:
        found = crowd.storm([asdict(lane) for lane in lanes], connecting(port))
    answers = [Answer(*one) for one in found]
    assert [one.body["number"] for one in answers] == [0, 1] * 3
    assert {one.status for one in answers} == {401}
    assert all(one.sent <= one.answered for one in answers)
    wanted = Counter((lane.address, f"Bearer t{number}") for lane in lanes for number in range(2))
    assert Counter(seen) == wanted


def test_a_request_that_nobody_answers_is_no_storm() -> None:
    def refuse(source: str) -> http.client.HTTPConnection:
        raise ConnectionRefusedError(source)

    lane = asdict(Lane(address(70, 0), [Request("GET", "/")]))
    with pytest.raises(RuntimeError, match="was not answered"):
        crowd.storm([lane], refuse)


def test_a_program_is_given_its_input() -> None:
    assert output_of(["cat"], seconds=10, given="said") == "said"
    assert output_of(["cat"], seconds=10) == ""
    with pytest.raises(CommandError, match="false … failed"):
        output_of(["false"], seconds=10)


# --- who must not feel it -------------------------------------------------------------------------


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Return the moment."""
        return self.now

    def sleep(self, length: float) -> None:
        """Let time pass."""
        self.now += length


class Slow:
    """A connection whose first answer takes a quarter of a second, the others no time."""

    def __init__(self, clock: Clock, status: int = 200) -> None:
        self.clock, self.status = clock, status
        self.asked: list[tuple[str, dict[str, str]]] = []

    def request(self, _: str, path: str, headers: dict[str, str]) -> None:
        """Send."""
        self.clock.now += 0 if self.asked else 0.25
        self.asked.append((path, headers))

    def getresponse(self) -> Slow:
        """Return the answer, which is this."""
        return self

    def read(self) -> bytes:
        """Read the answer."""
        return b""

    def close(self) -> None:
        """Close."""


ASKED = {"path": "/healthz", "token": "secret", "connections": 6}


def test_a_late_answer_makes_the_next_ones_late_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(visitor, "time", clock)
    slow: Any = Slow(clock)
    waits = visitor.visit(slow, ASKED, 3, lambda: len(slow.asked) == 5)
    assert [due for due, _ in waits] == pytest.approx(
        [100.05, 100.15, 100.25, 100.35, 100.45], abs=1e-6
    )
    assert [waited for _, waited in waits] == pytest.approx([250, 150, 50, 0, 0], abs=1e-3)
    assert slow.asked[0][0] == "/healthz"
    assert slow.asked[0][1]["Authorization"] == "Bearer secret"


def test_a_visitor_that_is_refused_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(visitor, "time", clock)
    refusing: Any = Slow(clock, status=503)
    with pytest.raises(RuntimeError, match="503"):
        visitor.visit(refusing, ASKED | {"token": None}, 0, lambda: False)
    assert "Authorization" not in refusing.asked[0][1]


def test_a_visitor_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(visitor, "time", clock)
    monkeypatch.setattr(visitor, "LONGEST_SECONDS", 1)
    slow: Any = Slow(clock)
    assert len(visitor.visit(slow, ASKED, 0, lambda: False)) == 10


# --- the issuer's door ----------------------------------------------------------------------------


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say what was said."""
    writer.write(await reader.read(100))
    writer.close()
    await writer.wait_closed()


async def ask(port: int, patience: float) -> bytes:
    """Return what comes back through the door; nothing when it hangs up."""
    reader, writer = await asyncio.open_connection(door.HOST, port)
    writer.write(b"keys?")
    try:
        async with asyncio.timeout(patience):
            return await reader.read(100)
    except ConnectionResetError:
        return b""
    finally:
        writer.transport.abort()
        with suppress(ConnectionResetError):
            await writer.wait_closed()


async def visits(one: door.Door, issuer: asyncio.Server, patience: float) -> None:
    """Ask at the door while the issuer lives, then when it is gone; end when all is closed."""
    standing = await asyncio.start_server(one.open, door.HOST, 0)
    port = standing.sockets[0].getsockname()[1]
    async with standing:
        assert await ask(port, 10) == b"keys?"
        issuer.close()
        await issuer.wait_closed()
        try:
            assert await ask(port, patience) == b""
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others)


@pytest.mark.parametrize("stalls", [False, True], ids=["dies", "stalls"])
def test_the_door_counts_who_comes_whether_or_not_the_issuer_lives(stalls: bool) -> None:  # noqa: FBT001 - pytest gives it by position or name
    async def run() -> door.Door:
        issuer = await asyncio.start_server(echo, door.HOST, 0)
        one = door.Door(issuer.sockets[0].getsockname()[1], stalls=stalls)
        if not stalls:
            await visits(one, issuer, 10)
            return one
        with pytest.raises(TimeoutError):
            await visits(one, issuer, 0.2)
        return one

    one = asyncio.run(run())
    assert len(one.came) == 2
    assert one.came == sorted(one.came)
