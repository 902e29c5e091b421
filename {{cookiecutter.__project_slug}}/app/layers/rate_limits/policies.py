"""What a limit is, and who it is counted against. Pure: knows neither ASGI nor a store.

A limit is written as slowapi's users write it, and a word behind it says how it is counted:

    100/15minutes             fixed window: it starts with the first request, and ends as a whole
    100/15minutes sliding     sliding window: what came in the last window fades out evenly
    10/minute burst 50        token bucket: 50 at once, and then one every six seconds
    10/minute; 100/hour       several, all of which hold

A fixed window lets up to twice its amount through in a moment, around its end. The others let no
more than their amount through at once, and what they let through beyond it is spread over a window.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Literal, NamedTuple

from limits import parse

Algorithm = Literal["fixed", "sliding", "bucket"]

MAX_AMOUNT = 1_000_000
MAX_WINDOW_SECONDS = 31 * 24 * 60 * 60

_LIMIT = re.compile(r"(?P<rate>.+?)(?:\s+(?P<sliding>sliding)|\s+burst\s+(?P<burst>[0-9]{1,9}))?")
_NO_WINDOW = re.compile(r"(?:/|per)\s*0+\s*[a-z]", re.IGNORECASE)
_UNFIT_FOR_A_NAME = re.compile(r"[^A-Za-z0-9_.:/-]")


class Policy(NamedTuple):
    """So many in so many seconds. The name tells limits apart, in answers and in the log."""

    name: str
    amount: int
    """How many at once; what a bucket holds."""
    window: float
    """Seconds. A fixed one starts with the first hit; in a bucket's, an empty one fills up."""
    algorithm: Algorithm = "fixed"

    def key(self, *parts: str) -> str:
        """Return the key that counts this policy for someone or something.

        Amount, window and algorithm are part of it, so that a changed setting starts with fresh
        counts, no count is ever read as one of another kind, and two limits on one route never
        share one.
        """
        size = f"{self.amount}/{self.window}"
        if self.algorithm != "fixed":
            size = f"{size}/{self.algorithm}"
        return ":".join((self.name, size, *parts))

    def shared_by(self, workers: int) -> Policy:
        """Return what one of several workers lets through when it counts for itself."""
        return self if workers == 1 else self._replace(amount=-(-self.amount // workers))


class Hit(NamedTuple):
    """One thing to count: `cost` more under `key`."""

    key: str
    policy: Policy
    cost: int = 1
    """Less than nothing gives back what was counted before."""
    is_returnable: bool = False
    """Whether it may be given back: then what others are refused for now need not last."""


def _policy(name: str, text: str) -> Policy:
    """Return the policy of one limit.

    Raises:
        ValueError: it is none, or one that allows nothing or never ends.
    """
    match = _LIMIT.fullmatch(text.strip())
    item = parse(match["rate"] if match else text)
    amount, window = item.amount, item.get_expiry()
    if not 1 <= amount <= MAX_AMOUNT:
        raise ValueError(f"a limit allows between 1 and {MAX_AMOUNT} requests")
    if match and match["burst"]:
        return _bucket(name, amount, window, int(match["burst"]))
    if not 1 <= window <= MAX_WINDOW_SECONDS:
        raise ValueError("a limit's window is between 1 second and 31 days long")
    return Policy(name, amount, window, "sliding" if match and match["sliding"] else "fixed")


def _bucket(name: str, amount: int, window: int, burst: int) -> Policy:
    seconds = burst * window / amount
    if not 1 <= burst <= MAX_AMOUNT or not 1 <= seconds <= MAX_WINDOW_SECONDS:
        raise ValueError(
            f"a limit's burst is between 1 and {MAX_AMOUNT} requests, and comes back in 1 second to"
            " 31 days"
        )
    return Policy(name, burst, int(seconds) if seconds.is_integer() else seconds, "bucket")


@lru_cache(maxsize=256)
def parse_policies(name: str, text: str) -> tuple[Policy, ...]:
    """Return the policies of a text that is written as the module says.

    Raises:
        ValueError: the text is not a limit, or one that allows nothing or never ends.
    """
    if _NO_WINDOW.search(text):  # limits takes 5/0minutes for 5/1minute
        raise ValueError("a limit's window is between 1 second and 31 days long")
    fit = _UNFIT_FOR_A_NAME.sub("-", name)
    try:
        found = [_policy(fit, part) for part in re.split("[;,|]", text)]
    except ValueError as error:
        if str(error).startswith("a limit"):
            raise
        raise ValueError(
            "not a limit; write it as 100/15minutes, 5 per hour, 100/hour sliding, "
            "10/minute burst 50, or 10/minute; 100/hour"
        ) from None
    if len(found) == 1:
        return tuple(found)
    return tuple(policy._replace(name=f"{fit}-{policy.window:.0f}") for policy in found)


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
