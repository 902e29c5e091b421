"""Prints, as JSON, what remembering clients' behaviour costs in memory, in Redis and in a worker.

In a project's folder: `PYTHONPATH=<this repository>:. python -m
benchmarks.applications.behaviour_memory`. It starts a redis-server of its own, with the store's
real script and keys as `client_key` makes them, at two numbers of clients; the line through both is
what a million takes. A worker's memory is traced at its cap, every client with evidence that waits.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import tracemalloc
from contextlib import contextmanager
from ipaddress import ip_network
from typing import TYPE_CHECKING

from app.layers.bots.local.behaviour import Behaviour, Seen
from app.layers.bots.local.behaviour.engine import LOCAL_SIZE
from app.layers.bots.local.behaviour.local_table import Known, Turn
from app.layers.bots.local.behaviour.record import RECORD_BYTES, Evidence
from app.layers.bots.local.behaviour.redis_store import MAX_BATCH, RedisStore
from app.layers.rate_limits.policies import client_key
from dev.runner import free_port
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY, LINE_TO = 10_000, 100_000, 1_000_000
NETWORKS = ip_network("2001:db8::/32")
"""The longest keys there are: IPv6 by /64."""


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis that keeps nothing; yield its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port)]
        command += ["--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


def client(number: int) -> str:
    """Return the key of one client."""
    return client_key(str(NETWORKS[number << 64]))


async def memory(redis: Redis) -> int:
    """Return the bytes that Redis uses."""
    return int((await redis.info("memory"))["used_memory"])


async def bytes_for(redis: Redis, clients: int) -> int:
    """Return what so many clients take in Redis; so many accounts take the same again."""
    await redis.flushall()
    store = RedisStore(redis, "clients", 4 * clients, timeout=10)
    evidence = Evidence()
    evidence.paths, evidence.identifiers, evidence.blocks = 1, 1, 1
    await store.exchange([], bytes(16), 0.0)
    before = await memory(redis)
    for start in range(0, clients, MAX_BATCH):
        numbers = range(start, min(clients, start + MAX_BATCH))
        turns = [Turn(client(number), Known(0.0), evidence.pack()) for number in numbers]
        await store.exchange(turns, bytes(16), 0.0)
    return await memory(redis) - before


async def in_redis() -> dict[str, float]:
    """Measure Redis."""
    with redis_server() as url:
        redis = Redis.from_url(url, retry=Retry(ConstantBackoff(0.1), 50))
        few, many = [await bytes_for(redis, clients) for clients in (FEW, MANY)]
        await redis.aclose()
    slope = (many - few) / (MANY - FEW)
    return {
        "record_bytes": RECORD_BYTES,
        f"bytes_a_client_at_{FEW}": few / FEW,
        f"bytes_a_client_at_{MANY}": many / MANY,
        "bytes_for_one_more": slope,
        f"mib_at_{LINE_TO}": (many + slope * (LINE_TO - MANY)) / 2**20,
    }


def in_a_worker() -> dict[str, float]:
    """Measure a worker that has seen twice as many clients and accounts as it remembers."""
    keys = [client(number) for number in range(2 * LOCAL_SIZE)]
    tracemalloc.start()
    behaviour = Behaviour(None, size=LOCAL_SIZE)
    behaviour.is_shared = True
    before, _ = tracemalloc.get_traced_memory()
    for number, key in enumerate(keys):
        behaviour.saw(key, Seen(f"/missing-{number}", 404, is_routed=False))
        behaviour.saw_failed_login(key, f"account-{number:024}")
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    clients, accounts = len(behaviour.clients.local), len(behaviour.accounts.local)
    return {"clients": clients, "accounts": accounts, "mib": used / 2**20}


if __name__ == "__main__":
    print(json.dumps({"redis": asyncio.run(in_redis()), "worker": in_a_worker()}, indent=2))
