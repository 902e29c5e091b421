"""What unit tests of layers share: a Redis, a clock that stands still, things with owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.owned_things import world
from tests.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from app.database import Database
    from tests.databases import Databases


class Clock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until a test moves it."""
    return Clock()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    server = RedisServer(tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def world_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """An empty database, one for all tests of a module."""
    with databases.empty(database_kind) as url:
        yield url


@pytest.fixture(scope="module")
async def database(world_url: str) -> AsyncIterator[Database]:
    """What `owned_things.py` tells of. No test commits, so it stays so."""
    async with world(world_url) as opened:
        yield opened
