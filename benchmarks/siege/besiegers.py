"""The besiegers: `python -m benchmarks.siege.besiegers PORT CA`, until its input ends.

It writes a line once all of them stand, and at the end the least that stood of each kind since.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter
from contextlib import suppress

from benchmarks import SERVICE_NAME
from benchmarks.siege import HELD_BY_ONE, SIEGE

HOST = "127.0.0.1"
DRIP_SECONDS = 1.0
LOOK_SECONDS = 0.25
RETRY_SECONDS = 0.05
START_PER_SECOND = 150
LONGEST_SECONDS = 600
"""Whatever happens to whoever started us, we end."""

HEAD = b"%b / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: besieger\r\n"
SAID = {
    "idle": b"",
    "slow_headers": HEAD % b"GET" + b"X: ",
    "held_bodies": HEAD % b"POST" + b"Content-Length: 100000\r\n\r\n",
}


def address(number: int) -> str:
    """Return the loopback address of the besieger with this number."""
    return f"127.64.{number // HELD_BY_ONE // 250}.{1 + number // HELD_BY_ONE % 250}"


class Besiegers:
    """All of them, and how many of each kind stand."""

    def __init__(self, port: int, ca: str) -> None:
        self.port = port
        self.context = ssl.create_default_context(cafile=ca)
        self.standing: Counter[str] = Counter()
        self.tasks: list[asyncio.Task[None]] = []
        self.least: dict[str, int] = {}

    async def hold(self, kind: str, number: int) -> None:
        """Hold one connection; open it again whenever it is closed."""
        while True:
            with suppress(OSError):
                await self._hold_once(kind, number)
            await asyncio.sleep(RETRY_SECONDS)

    async def _hold_once(self, kind: str, number: int) -> None:
        reader, writer = await asyncio.open_connection(
            HOST,
            self.port,
            ssl=self.context,
            server_hostname=SERVICE_NAME,
            local_addr=(address(number), 0),
        )
        self.standing[kind] += 1
        try:
            writer.write(SAID[kind])
            drops = asyncio.create_task(self._drip(writer, kind))
            try:
                await reader.read()
            finally:
                drops.cancel()
        finally:
            self.standing[kind] -= 1
            writer.transport.abort()

    async def _drip(self, writer: asyncio.StreamWriter, kind: str) -> None:
        while kind != "idle":
            await asyncio.sleep(DRIP_SECONDS)
            writer.write(b"a")

    async def stand(self) -> None:
        """Start them, a few at a time, and say when the last one stands."""
        numbers = iter(range(sum(SIEGE.values())))
        for kind, wanted in SIEGE.items():
            for _ in range(wanted):
                self.tasks.append(asyncio.create_task(self.hold(kind, next(numbers))))
                await asyncio.sleep(1 / START_PER_SECOND)
        while not self.is_whole():  # noqa: ASYNC110 - they come and go, which is no event
            await asyncio.sleep(LOOK_SECONDS)
        print("standing", flush=True)

    def is_whole(self) -> bool:
        """Whether all stand, but for those that are just being closed and opened again."""
        return all(self.standing[kind] >= 0.9 * wanted for kind, wanted in SIEGE.items())

    async def watch(self) -> None:
        """Note the least that stood of each kind."""
        self.least = {kind: self.standing[kind] for kind in SIEGE}
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for kind in SIEGE:
                self.least[kind] = min(self.least[kind], self.standing[kind])


async def besiege(port: int, ca: str) -> dict[str, int]:
    """Besiege until standard input ends; return the least that stood of each kind."""
    besiegers = Besiegers(port, ca)
    await besiegers.stand()
    watching = asyncio.create_task(besiegers.watch())
    await asyncio.to_thread(sys.stdin.read)
    for task in (watching, *besiegers.tasks):
        task.cancel()
    await asyncio.gather(watching, *besiegers.tasks, return_exceptions=True)
    return besiegers.least


def main(port: int, ca: str) -> None:
    """Besiege, and print what stood."""
    least = asyncio.run(asyncio.wait_for(besiege(port, ca), LONGEST_SECONDS))
    print(json.dumps(least), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
