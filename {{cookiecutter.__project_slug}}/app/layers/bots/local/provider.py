"""Judges by what is shipped with the service, and by how clients behave."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from app.layers.bots.local.behaviour import client_of, open_behaviour, seen_of
from app.layers.bots.local.judge import Judge
from app.layers.bots.local.reverse_dns import ReverseDns
from app.layers.bots.local.search_engines import SearchEngines
from app.layers.bots.provider import Provider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis
    from starlette.types import Scope

    from app.layers.bots.local.behaviour import Behaviour
    from app.layers.bots.provider import Verdict
    from app.layers.bots.settings import BotsSettings


class LocalProvider(Provider):
    """The default provider. It never waits for anything.

    Args:
        settings: the policy.
        behaviour: what clients did before.
        reverse_dns: asked about search engines; None asks nobody.
    """

    def __init__(
        self, settings: BotsSettings, behaviour: Behaviour, reverse_dns: ReverseDns | None = None
    ) -> None:
        networks = settings.search_engine_networks
        self._judge = Judge(settings, SearchEngines(networks, reverse_dns)).judge
        self.behaviour: Behaviour | None = behaviour
        self._memory = behaviour

    @override
    async def judge(self, scope: Scope) -> Verdict:
        return self._judge(scope, self._memory.standing(client_of(scope)))

    @override
    def saw(self, scope: Scope, status: int) -> None:
        self._memory.saw(client_of(scope), seen_of(scope, status))


@asynccontextmanager
async def open_local(settings: BotsSettings, redis: Redis | None) -> AsyncIterator[LocalProvider]:
    """Give the local provider for the life of the application."""
    reverse_dns = ReverseDns()
    try:
        async with open_behaviour(settings, redis) as behaviour:
            yield LocalProvider(settings, behaviour, reverse_dns)
    finally:
        await reverse_dns.aclose()
