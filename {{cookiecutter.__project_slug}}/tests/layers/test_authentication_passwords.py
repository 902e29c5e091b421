"""Passwords: whose turn it is, how many wait, and which threads come last."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import AsyncExitStack

import pytest

from app.errors import Unavailable
from app.layers.authentication import Passwords, passwords


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(5):
        await asyncio.sleep(0)


class Turns:
    """Takes turns, and holds each until it is told to give it back."""

    def __init__(self, concurrency: int) -> None:
        self.passwords = Passwords(concurrency)
        self.under_way = 0
        self.most = 0
        self.done = asyncio.Event()

    async def take(self) -> None:
        """Take a turn."""
        async with self.passwords.turn():
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await self.done.wait()
            self.under_way -= 1


def test_so_many_have_their_turn_as_can_hash_and_one_more() -> None:
    async def run() -> Turns:
        turns = Turns(2)
        tasks = [asyncio.create_task(turns.take()) for _ in range(10)]
        await settle()
        assert turns.under_way == 3
        turns.done.set()
        await asyncio.gather(*tasks)
        return turns

    turns = asyncio.run(run())
    assert (turns.most, turns.under_way) == (3, 0)


def test_a_turn_that_too_many_wait_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAITING", 2)

    async def run() -> None:
        turns = Turns(1)
        tasks = [asyncio.create_task(turns.take()) for _ in range(4)]
        await settle()
        with pytest.raises(Unavailable) as refusal:
            await turns.take()
        assert refusal.value.headers["Retry-After"] == "5"
        turns.done.set()
        await asyncio.gather(*tasks)
        await turns.take()  # nobody waits any more

    asyncio.run(run())


def test_who_gives_up_waiting_leaves_the_place_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAITING", 1)

    async def run() -> None:
        turns = Turns(1)
        tasks = [asyncio.create_task(turns.take()) for _ in range(3)]
        await settle()
        tasks[2].cancel()
        await settle()
        tasks[2] = asyncio.create_task(turns.take())
        await settle()
        turns.done.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_a_turn_that_does_not_come_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.01)

    async def run() -> None:
        turns = Turns(1)
        tasks = [asyncio.create_task(turns.take()) for _ in range(2)]
        await settle()
        with pytest.raises(Unavailable):
            await turns.take()
        turns.done.set()
        await asyncio.gather(*tasks)
        await turns.take()

    asyncio.run(run())


def test_a_turn_ends_however_its_login_ends() -> None:
    async def run() -> None:
        one = Passwords(1)
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                async with one.turn():
                    raise ZeroDivisionError
        async with AsyncExitStack() as stack, asyncio.timeout(10):
            for _ in range(2):
                await stack.enter_async_context(one.turn())

    asyncio.run(run())


def priority_of(thread: int | None) -> int:
    """Return the priority that the kernel has for a thread."""
    assert thread is not None
    return os.getpriority(os.PRIO_PROCESS, thread)


def test_threads_that_hash_come_after_all_others() -> None:
    ours = threading.get_native_id()
    before = priority_of(ours)

    async def run() -> list[int]:
        one = Passwords(2)
        await asyncio.gather(*(one.hash("Correct-Horse-Battery-9") for _ in range(4)))
        threads = [each for each in threading.enumerate() if each.name.startswith("passwords")]
        return [priority_of(each.native_id) for each in threads]

    found = asyncio.run(run())
    assert found
    assert set(found) == {min(before + passwords.NICENESS, 19)}
    assert priority_of(ours) == before


def test_a_machine_that_forbids_it_hashes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.setpriority", forbid)

    async def run() -> bool:
        one = Passwords(1)
        return await one.verify("secret", await one.hash("secret"))

    assert asyncio.run(run())
