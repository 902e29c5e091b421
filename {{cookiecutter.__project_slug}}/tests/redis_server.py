"""A Redis of a test's own, which it may kill, start again, and let hang."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from mirakuru import TCPExecutor
from redis import Redis

from dev.runner import free_port

if TYPE_CHECKING:
    from pathlib import Path


class RedisServer:
    """A redis-server on loopback that can be killed, started again, and made to hang."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            *("redis-server", "--bind", "127.0.0.1", "--port", str(self.port)),
            *("--save", "", "--appendonly", "no", "--dir", str(folder)),
        ]
        self._process: TCPExecutor | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = TCPExecutor(self._command, host="127.0.0.1", port=self.port, timeout=10)
        self._process.start()
        deadline = time.monotonic() + 10
        with Redis.from_url(self.url) as redis:
            while not redis.ping():  # pragma: no cover
                assert time.monotonic() < deadline, "redis-server does not answer"

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def hang(self) -> None:
        """Keep its connections open and answer nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        assert self._process.process is not None
        os.kill(self._process.process.pid, number)
