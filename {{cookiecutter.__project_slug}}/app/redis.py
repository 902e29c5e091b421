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
    from collections.abc import AsyncIterator

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
async def open_redis(settings: RedisSettings) -> AsyncIterator[Redis | None]:
    """Open the connection pool for the life of the application, or give None without a URL."""
    if settings.url is None:
        yield None
        return
    redis = Redis.from_url(
        settings.url.get_secret_value(),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
    try:
        yield redis
    finally:
        await redis.aclose()
