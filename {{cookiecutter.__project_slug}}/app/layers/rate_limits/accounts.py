"""Limits what can be guessed about one account, from however many addresses."""

from __future__ import annotations

import hashlib
import unicodedata
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.layers.logs import Event
from app.layers.rate_limits.engine import rate_limits_of
from app.layers.rate_limits.outcomes import refuse_excess
from app.layers.rate_limits.policies import Hit, parse_policies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import Request

    from app.layers.rate_limits.settings import RateLimitsSettings


def account_key(name: str) -> str:
    """Return what an account is counted by: a hash, since e-mail addresses don't belong into keys.

    Spellings that a person would take for the same fold into one (Unicode TR15 and TR21): another
    case or width must not buy another ten guesses.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@asynccontextmanager
async def limit_account(
    request: Request, name: str, *, failure: type[Exception], device: str | None = None
) -> AsyncIterator[None]:
    """Count an attempt to log in to this account; give it back unless it fails.

    It is counted before it is known to fail: a thousand guesses at once must not all find the count
    at nought. Unknown names count like known ones, so the answer tells nothing about which exist.

    Args:
        request: the request in hand.
        name: the name that the client gave, in any spelling.
        failure: the error by which a failed attempt is known.
        device: what the account is known to have been used on before. Its failures have a count of
            their own, so that strangers can't use up its owner's attempts (OWASP, device cookies).

    Raises:
        RateLimited: too many attempts on this account have failed.
    """
    settings: RateLimitsSettings = request.app.state.settings.rate_limits
    account = account_key(name)
    scope = "failed-logins" if device is None else "failed-logins-of-device"
    parts = (account,) if device is None else (account, device)
    hits = [
        Hit(policy.key(*parts), policy, is_returnable=True)
        for policy in parse_policies(scope, settings.failed_logins)
    ]
    engine = rate_limits_of(request.scope)
    # Not told on answers: how often others failed is not this client's to know.
    refuse_excess(await engine.hit(hits), event=Event.AUTHN_LOGIN_LOCK, name_hash=account)
    try:
        yield
    except failure:
        raise
    except Exception:
        await engine.hit([hit._replace(cost=-hit.cost) for hit in hits])
        raise
    await engine.hit([hit._replace(cost=-hit.cost) for hit in hits])
