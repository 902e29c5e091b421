"""Opens the provider that `BOTS__PROVIDER` chooses."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.layers.bots.local import open_local
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from app.layers.bots.provider import Provider
    from app.layers.bots.settings import BotsSettings


@asynccontextmanager
async def open_bots(settings: BotsSettings, redis: Redis | None) -> AsyncIterator[Provider]:
    """Give the provider for the life of the application; say so when nothing will be refused."""
    if settings.mode == "monitor":
        log_event(Event.BOTS_MONITORED, hint="nothing is refused; BOTS__MODE=enforce does")
    if settings.provider == "local":
        async with open_local(settings, redis) as local:
            yield local
        return
    # Only here: its package is no part of the service unless it is chosen.
    from app.layers.bots.arcjet import open_arcjet  # noqa: PLC0415

    async with open_arcjet(settings) as arcjet:
        yield arcjet
