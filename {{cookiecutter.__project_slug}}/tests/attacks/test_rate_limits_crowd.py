"""Layer 4 under attack by a crowd: a thousand requests at once at four workers, and no Redis.

They go around nginx, which would hold most of a crowd, and say what it would say of each client.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from redis.crc import key_slot

from tests.outages import LOST, hanging_redis
from tests.stack import USER_AGENT, Stack, fresh_source, running_stack, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JWKS = "/.well-known/jwks.json"
WORKERS = 4
CROWD = 1000
LIMIT = 100


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The live service with four workers."""
    folder = tmp_path_factory.mktemp("wide")
    with running_stack(folder, SERVER__WORKERS=str(WORKERS)) as stack:
        yield stack


class Caller:
    """One connection to the application."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, source: str, path: str = JWKS) -> int:
        """Return the status of the answer to this client."""
        lines = (
            f"GET {path} HTTP/1.1",
            "Host: localhost",
            f"User-Agent: {USER_AGENT}",
            f"X-Forwarded-For: {source}",
            "X-Forwarded-Proto: https",
        )
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await self.reader.readexactly(int(head.partition("content-length: ")[2].split("\r\n")[0]))
        return int(head.split(" ", 2)[1])


@contextmanager
def alone(worker: int, workers: Sequence[int]) -> Iterator[None]:
    """Stop the other workers, so that whoever comes meets this one."""
    others = [pid for pid in workers if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def workers_of(stack: Stack) -> list[int]:
    """Return the workers' process ids."""
    main = stack.pids["app"]
    children = Path(f"/proc/{main}/task/{main}/children").read_text("ascii").split()
    assert len(children) == WORKERS
    return [int(pid) for pid in children]


async def _gathered(stack: Stack) -> list[Caller]:
    """Return callers, a quarter of them with each worker: left to itself, the kernel picks two."""
    workers, callers = workers_of(stack), []
    for worker in workers:
        with alone(worker, workers):
            for _ in range(CROWD // WORKERS):
                caller = Caller(*await asyncio.open_connection("127.0.0.1", stack.app_port))
                assert await caller.ask("192.0.2.1", "/healthz") == 200
                callers.append(caller)
    return callers


async def _asked(stack: Stack, sources: Sequence[str], path: str) -> list[int]:
    callers = await _gathered(stack)
    try:
        return await asyncio.gather(
            *(caller.ask(one, path) for caller, one in zip(callers, sources, strict=True))
        )
    finally:
        for caller in callers:
            caller.writer.close()


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process have as many open as it may; a shell often gives it 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def crowd(stack: Stack, *sources: str, path: str = JWKS) -> Counter[int]:
    """Let these clients ask all workers a thousand times at once; return the statuses."""
    with many_files():
        return Counter(asyncio.run(_asked(stack, sources * (CROWD // len(sources)), path)))


def lines_of(stack: Stack, number: int, **wanted: Any) -> list[dict[str, Any]]:
    """Return lines of the log, once there are so many of them."""
    wait_until(lambda: len(stack.log_lines(**wanted)) >= number, f"{number} lines of {wanted}")
    return stack.log_lines(**wanted)


def test_attack_of_a_thousand_at_once_at_four_workers_exactly_a_hundred_pass(wide: Stack) -> None:
    source = fresh_source()
    fields: dict[str, Any] = {"source.ip": source}
    assert crowd(wide, source) == {200: LIMIT, 429: CROWD - LIMIT}
    assert len(wide.log_lines(event="excess_rate_limit_exceeded", **fields)) == 1
    asked = lines_of(wide, CROWD, event="request", **fields)
    assert set(Counter(line["process.pid"] for line in asked).values()) == {CROWD // WORKERS}


def test_twin_a_thousand_clients_at_once_are_all_let_through(wide: Stack) -> None:
    assert crowd(wide, *(fresh_source() for _ in range(CROWD))) == {200: CROWD}


def test_attack_what_a_crowd_leaves_in_redis_has_an_end_and_lies_in_one_slot(wide: Stack) -> None:
    crowd(wide, *(fresh_source() for _ in range(LIMIT)))
    with Redis.from_url(wide.redis_url) as redis:
        found = redis.keys("{rate-limits}:per-client:*")
        assert isinstance(found, list)
        assert len(found) >= LIMIT
        assert len({key_slot(key) for key in found}) == 1
        assert all(0 < redis.pttl(key) <= 900_000 for key in found)


def test_attack_a_crowd_while_redis_hangs_gets_each_workers_share_and_no_more(wide: Stack) -> None:
    with hanging_redis(wide) as since:
        assert crowd(wide, fresh_source()) == {200: LIMIT, 429: CROWD - LIMIT}
        lost = lines_of(wide, WORKERS, event=LOST, since=since)
    assert len(lost) == len({line["process.pid"] for line in lost}) == WORKERS


def test_twin_health_checks_are_answered_while_redis_hangs(wide: Stack) -> None:
    with hanging_redis(wide):
        assert crowd(wide, fresh_source())[200] == LIMIT
        assert crowd(wide, fresh_source(), path="/healthz") == {200: CROWD}
