"""The issuer's door: `python -m benchmarks.storms.door PORT BEHIND dies|stalls`.

It says when it stands, passes every connection on to the issuer behind it and notes when it came.
Once the issuer is gone it either hangs up at once, as a machine does whose process has died, or
says nothing for as long as the other side waits, as a machine does that is off. When its input ends
it prints the moments, seconds of the monotonic clock, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress

HOST = "127.0.0.1"
LONGEST_SECONDS = 600
"""Whatever happens to whoever started us, we end."""
CHUNK = 65_536


class Door:
    """Passes on what comes, as long as there is somebody behind it."""

    def __init__(self, behind: int, *, stalls: bool) -> None:
        self.behind = behind
        self.stalls = stalls
        self.came: list[float] = []

    async def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Note who comes and pass on what is said, both ways."""
        self.came.append(time.monotonic())
        try:
            within, without = await asyncio.open_connection(HOST, self.behind)
        except OSError:
            if self.stalls:
                with suppress(OSError):
                    while await reader.read(CHUNK):
                        pass
            writer.transport.abort()
            await _closed(writer)
            return
        back = asyncio.create_task(_pass_on(within, writer))
        await _pass_on(reader, without)
        await back


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
    await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        await writer.wait_closed()


async def _stand(port: int, door: Door) -> None:
    server = await asyncio.start_server(door.open, HOST, port)
    async with server:
        print("standing", flush=True)
        await asyncio.wait_for(asyncio.to_thread(sys.stdin.read), LONGEST_SECONDS)


def main(port: int, behind: int, manner: str) -> None:
    """Stand until the input ends, and print when somebody came."""
    door = Door(behind, stalls=manner == "stalls")
    asyncio.run(_stand(port, door))
    print(json.dumps(door.came), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
