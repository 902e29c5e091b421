"""Holds back the answers to clients that are suspect, and only so many at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.layers.bots.local.behaviour.signals import Standing

MAX_HELD = 100
"""In one worker. To hold a request costs us its memory: a flood of suspects must not cost more."""


class Holding:
    """Places to wait in. Who finds none free is let through at once."""

    def __init__(self, places: int = MAX_HELD) -> None:
        self._places = places
        self.held = 0

    async def hold(self, standing: Standing) -> bool:
        """Wait as long as the standing says; return whether there was a place."""
        if self.held >= self._places:
            return False
        self.held += 1
        try:
            await asyncio.sleep(standing.hold_seconds)
        finally:
            self.held -= 1
        return True
