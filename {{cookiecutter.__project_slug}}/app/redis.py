"""The connection to Redis, shared by the layers that need one memory for all workers.

Without a URL there is none, and what uses it keeps its memory in the process: right for one
process, refused in production.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr, field_validator
from redis.asyncio import Redis

from app.layers import LayerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from redis.asyncio.connection import AbstractConnection

TIMEOUT_SECONDS = 0.25
"""How long a request may wait for Redis. Above it, local memory takes over."""


class RedisSettings(LayerSettings):
    """`REDIS__*`."""

    url: SecretStr | None = None
    """`redis://…`, `rediss://…` (TLS) or `unix://…`."""

    @field_validator("url")
    @classmethod
    def _is_a_redis_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(
            ("redis://", "rediss://", "unix://")
        ):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url


@asynccontextmanager
async def open_redis(
    settings: RedisSettings, on_connect: Callable[[], None] | None = None
) -> AsyncIterator[Redis | None]:
    """Open the connection pool for the life of the application, or give None without a URL.

    Args:
        settings: where it is.
        on_connect: called whenever a connection was made: it may lead to another Redis than the
            last one did.
    """
    if settings.url is None:
        yield None
        return

    async def connected(connection: AbstractConnection) -> None:
        await connection.on_connect()
        if on_connect is not None:
            on_connect()

    redis = Redis.from_url(
        settings.url.get_secret_value(),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        redis_connect_func=connected,
    )
    try:
        yield redis
    finally:
        await redis.aclose()
