"""Layer 4, rate limits: how much one client may ask for.

Stops: floods from one address, guessing of passwords and of tokens, scans for paths that exist
(404s and 405s count too), and guessing at one account from many addresses. Every request is counted
before routing, so no route can be forgotten; routes that cost or guard more have limits of their
own (`@limiter.limit(setting("login"))`), for the client and for the account that is logged in.
WebSockets are refused: no layer looks into them.
Does not stop: a flood from very many addresses, each below its limit, nor one that fills the wire
before it reaches us: those are the edge's. Whoever knows an e-mail address can use up the failed
logins of its account, and so keep its owner from logging in on a device for the first time until
the window ends; where the owner logged in before is not touched (`app/accounts/devices.py`).
When its dependency is down: Redis dead, slow or answering errors is noticed after a quarter of a
second once. From then on every worker counts for itself, with its share of each limit (the limit
divided by the workers, rounded up), and tries Redis again each second in the background. A limit is
never waived, and a client never sees an error of ours for it. Counts don't move between the two: a
window in which Redis fails can let the limit through once for each, and a Redis that comes back
empty has forgotten what it counted.
Standard: RFC 6585 §4 (429); draft-ietf-httpapi-ratelimit-headers; ASVS 5.0 V2.4.1, V6.3.1,
V15.3.4, V16.5.2.
"""

from __future__ import annotations

from app.layers.rate_limits.accounts import limit_account
from app.layers.rate_limits.counting import MemoryStore, Store, StoreDownError
from app.layers.rate_limits.decorators import Limiter, limiter
from app.layers.rate_limits.engine import RateLimits, open_rate_limits
from app.layers.rate_limits.middleware import RateLimitsMiddleware
from app.layers.rate_limits.outcomes import RateLimited
from app.layers.rate_limits.policies import Hit, Policy
from app.layers.rate_limits.rules import setting
from app.layers.rate_limits.settings import RateLimitsSettings

__all__ = [
    "Hit",
    "Limiter",
    "MemoryStore",
    "Policy",
    "RateLimited",
    "RateLimits",
    "RateLimitsMiddleware",
    "RateLimitsSettings",
    "Store",
    "StoreDownError",
    "limit_account",
    "limiter",
    "open_rate_limits",
    "setting",
]
