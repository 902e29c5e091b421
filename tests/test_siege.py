"""The siege's parts that need no service: who comes from where, and what the waits come to."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from benchmarks import BenchError
from benchmarks.siege import HELD_BY_ONE, SIEGE, besiegers
from benchmarks.siege.figure import figures, require_siege, said
from benchmarks.summary import Waits, waits_of

if TYPE_CHECKING:
    from pathlib import Path


def test_no_address_holds_more_than_the_edge_gives_one() -> None:
    everyone = Counter(besiegers.address(number) for number in range(sum(SIEGE.values())))
    assert set(everyone.values()) == {HELD_BY_ONE}
    assert all(address.startswith("127.64.") for address in everyone)


def test_percentiles_are_of_the_waits() -> None:
    assert waits_of([float(number) for number in range(1, 102)]) == Waits(51, 100, 101)


def test_a_siege_that_melted_away_is_no_siege() -> None:
    require_siege(dict(SIEGE))
    with pytest.raises(BenchError, match="of 300 idle only 200 stood"):
        require_siege(SIEGE | {"idle": 200})
    with pytest.raises(BenchError, match="held_bodies only 0"):
        require_siege({"idle": 300, "slow_headers": 100})


def test_ratios_are_within_a_round_and_survive_json() -> None:
    quiet = [Waits(1, 10, 60), Waits(2, 20, 60), Waits(1, 5, 60)]
    under = [Waits(2, 15, 60), Waits(2, 40, 60), Waits(1, 5, 60)]
    stood = [SIEGE, SIEGE | {"idle": 290}, SIEGE]
    found = json.loads(json.dumps(figures(quiet, under, stood)))
    assert found["p99"]["ratio"] == {"median": 1.5, "least": 1, "most": 2}
    assert found["stood_at_least"]["idle"] == 290
    assert "10.0 ms in the quiet, 15.0 ms under siege: 1.50 times" in said(found)


def test_what_is_closed_is_opened_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Against a server without TLS that hangs up at once: who besieges must come again."""
    seen: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(100))
        writer.close()

    async def run() -> Counter[str]:
        server = await asyncio.start_server(hang_up, besiegers.HOST, 0)
        port = server.sockets[0].getsockname()[1]
        one = besiegers.Besiegers(port, str(tmp_path))
        task = asyncio.create_task(one.hold("slow_headers", 7))
        async with asyncio.timeout(10), server:
            while len(seen) < 3:  # noqa: ASYNC110 - an event would be set by the code under test
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return one.standing

    async def without_tls(host: str, port: int, **options: object) -> object:
        local = options["local_addr"]
        assert local == (besiegers.address(7), 0)
        return await connect(host, port, local_addr=local)

    connect = asyncio.open_connection
    monkeypatch.setattr(asyncio, "open_connection", without_tls)
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: None)
    standing = asyncio.run(run())
    assert seen[:3] == [besiegers.SAID["slow_headers"]] * 3
    assert standing["slow_headers"] == 0
