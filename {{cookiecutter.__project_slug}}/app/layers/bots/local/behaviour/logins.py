"""What the accounts tell: whose login failed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.layers.rate_limits import RateLimited
from app.layers.rate_limits.accounts import account_key
from app.layers.rate_limits.policies import client_key
from app.request_context import context_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import Request

    from app.layers.bots.local.behaviour.engine import Behaviour


@asynccontextmanager
async def watch_login(
    request: Request, name: str, *, failure: type[Exception]
) -> AsyncIterator[None]:
    """Remember that an attempt to log in failed, of unknown names as of known ones.

    So is one that the account's limit refused: to that client it is a guess like the others. A
    success is not remembered: nothing is forgiven for it.

    Args:
        request: the request in hand.
        name: the name that the client gave, in any spelling.
        failure: the error by which a failed attempt is known.
    """
    try:
        yield
    except (failure, RateLimited):
        behaviour: Behaviour | None = getattr(request.app.state.bots, "behaviour", None)
        if behaviour is not None:  # None: the provider remembers elsewhere, or nothing
            client = client_key(context_of(request.scope).client)
            behaviour.saw_failed_login(client, account_key(name))
        raise
