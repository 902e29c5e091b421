"""How much is allowed: `RATE_LIMITS__*`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from app.layers import LayerSettings
from app.layers.rate_limits.policies import parse_policies


def _check(text: str) -> str:
    parse_policies("check", text)
    return text


LimitText = Annotated[str, AfterValidator(_check)]
"""`100/15minutes`, `100/hour sliding`, `10/minute burst 50`, or several that all apply:
`10/minute; 100/hour`. See `policies.py`."""


class RateLimitsSettings(LayerSettings):
    """`RATE_LIMITS__*`.

    Each limit is for one client address (IPv6: one /64), and for one account as well where the
    route knows it.
    """

    per_client: LimitText = "100/15minutes"
    """Requests of any kind but health checks. What the edge, the https or the CORS layer refused
    before never gets here; the edge has a limit of its own for those."""
    login: LimitText = "10/15minutes"
    """Logins, whichever account they are for."""
    failed_logins: LimitText = "10/15minutes"
    """Failed logins of one account, from wherever they come; and of one account on one of the
    devices that its owner has logged in from, whatever strangers do."""
    signup: LimitText = "10/hour"
    """New accounts."""
    refresh: LimitText = "30/15minutes"
    """Refresh tokens traded."""
    uploads: LimitText = "20/15minutes"
    """Files sent."""
