"""What a limit is, and who it is counted against. Pure: knows neither ASGI nor a store."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

from limits import parse_many

MAX_AMOUNT = 1_000_000
MAX_WINDOW_SECONDS = 31 * 24 * 60 * 60

_NO_WINDOW = re.compile(r"(?:/|per)\s*0+\s*[a-z]", re.IGNORECASE)
_UNFIT_FOR_A_NAME = re.compile(r"[^A-Za-z0-9_.:/-]")


class Policy(NamedTuple):
    """So many in so many seconds. The name tells limits apart, in answers and in the log."""

    name: str
    amount: int
    window: int
    """Seconds. It starts with the first hit."""

    def key(self, *parts: str) -> str:
        """Return the key that counts this policy for someone or something.

        Amount and window are part of it, so that a changed setting starts with fresh counts, and
        two limits on one route never share a count.
        """
        return ":".join((self.name, f"{self.amount}/{self.window}", *parts))

    def share(self, workers: int) -> int:
        """Return how much one of several workers may let through when it counts for itself."""
        return -(-self.amount // workers)


class Hit(NamedTuple):
    """One thing to count: `cost` more under `key`."""

    key: str
    policy: Policy
    cost: int = 1


def _checked(amount: int, window: int) -> None:
    if not 1 <= amount <= MAX_AMOUNT:
        raise ValueError(f"a limit allows between 1 and {MAX_AMOUNT} requests")
    if not 1 <= window <= MAX_WINDOW_SECONDS:
        raise ValueError("a limit's window is between 1 second and 31 days long")


@lru_cache(maxsize=256)
def parse_policies(name: str, text: str) -> tuple[Policy, ...]:
    """Return the policies written as `100/15minutes` or `10/minute; 100/hour`.

    Raises:
        ValueError: the text is not a limit, or one that allows nothing or never ends.
    """
    if _NO_WINDOW.search(text):  # limits takes 5/0minutes for 5/1minute
        raise ValueError("a limit's window is between 1 second and 31 days long")
    try:
        items = parse_many(text)
    except ValueError:
        raise ValueError(
            "not a limit; write it as 100/15minutes, 5 per hour, or 10/minute; 100/hour"
        ) from None
    for item in items:
        _checked(item.amount, item.get_expiry())
    fit = _UNFIT_FOR_A_NAME.sub("-", name)
    if len(items) == 1:
        return (Policy(fit, items[0].amount, items[0].get_expiry()),)
    return tuple(
        Policy(f"{fit}-{item.get_expiry()}", item.amount, item.get_expiry()) for item in items
    )


@lru_cache(maxsize=8192)
def client_key(address: str) -> str:
    """Return what a client is counted by: its IPv4 address, or its IPv6 /64.

    One subscriber holds at least a /64 (RFC 6177), so single IPv6 addresses are free to change.
    An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 one. What is no address is one
    client together with all others that have none.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"
