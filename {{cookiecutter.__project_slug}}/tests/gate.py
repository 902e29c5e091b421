"""A race that takes place: requests that meet in the database, not by luck but every time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import PostgresServer

OPENING = """DO $$ BEGIN
    FOR round IN 1..1000 LOOP
        PERFORM pg_stat_clear_snapshot();
        IF (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock') >= {count} THEN
            PERFORM {deed} FROM pg_stat_activity WHERE wait_event_type = 'Lock';
            RETURN;
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
    RAISE 'fewer than {count} came to the gate';
END $$"""


@contextmanager
def gate(
    server: PostgresServer, url: str, lock: str, count: int, deed: str = "NULL"
) -> Iterator[None]:
    """Hold a lock until so many statements wait for it.

    Args:
        server: PostgreSQL.
        url: the database.
        lock: the statement that takes it; `LOCK TABLE … IN SHARE MODE` lets others read.
        count: how many must wait before the gate opens.
        deed: an expression that is evaluated for each that waits, with its `pid`.

    Raises:
        asyncpg.RaiseError: fewer came in about 5 s.
    """
    is_shut = Event()
    keeping = server.execute(
        f"BEGIN; {lock}",
        is_shut.set,
        OPENING.format(count=count, deed=deed),
        "COMMIT",
        database=url.rpartition("/")[2],
    )
    with ThreadPoolExecutor(1) as pool:
        keeper = pool.submit(asyncio.run, keeping)
        wait_until(lambda: is_shut.is_set() or keeper.done(), "the gate")
        yield
        keeper.result()
