"""Clients that behave in some way, for unit tests of the memory of behaviour."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

from redis.asyncio import Redis

from app.layers.bots import BotsSettings
from app.layers.bots.local.behaviour import Behaviour, Seen, open_behaviour

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from contextlib import AbstractContextManager

    from tests.redis_server import RedisServer

ANN = "192.0.2.1"
BOB = "192.0.2.2"
PATIENT = 10.0
"""Seconds: a busy machine is no failure here."""


def missing(path: str) -> Seen:
    """Return a request for what no route has."""
    return Seen(path, 404, is_routed=False)


def found(path: str) -> Seen:
    """Return a request that was answered as it wished."""
    return Seen(path, 200, is_routed=True)


def send(behaviour: Behaviour, requests: Iterable[Seen], client: str = ANN) -> None:
    """Let a client send these."""
    for seen in requests:
        behaviour.saw(client, seen)


def fail_logins(behaviour: Behaviour, accounts: Iterable[str], client: str = ANN) -> None:
    """Let a client fail to log in to these accounts."""
    for account in accounts:
        behaviour.saw_failed_login(client, account)


def same_places() -> AbstractContextManager[object]:
    """Let who begins to remember now choose the same places in sets each run.

    By chance, two of ten accounts would share one in every sixth run.
    """
    fixed = SimpleNamespace(token_bytes=bytes)
    return patch("app.layers.bots.local.behaviour.engine.secrets", fixed)


def by_itself(clock: Callable[[], float]) -> Behaviour:
    """Return the memory of a worker without Redis."""
    with same_places():
        return Behaviour(None, size=1000, clock=clock)


@asynccontextmanager
async def worker(server: RedisServer, size: int = 100_000) -> AsyncIterator[Behaviour]:
    """Give the memory of one worker, which tells the others of it at once."""
    redis = Redis.from_url(server.url, socket_timeout=PATIENT, socket_connect_timeout=0.25)
    with (
        same_places(),
        patch("app.layers.bots.local.behaviour.engine.TIMEOUT_SECONDS", PATIENT),
        patch("app.layers.bots.local.behaviour.engine.INTERVAL_SECONDS", 0.0),
        patch("app.layers.bots.local.behaviour.engine.RETRY_SECONDS", 0.02),
    ):
        try:
            async with open_behaviour(BotsSettings(behaviour_clients=size), redis) as behaviour:
                yield behaviour
        finally:
            await redis.aclose()
