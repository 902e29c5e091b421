"""Storms on what knows users: logins, tokens of unknown keys, one refresh token a thousand times.

The whole service runs on one core, the storm and those who must not feel it on the other. Each
round times the same visitors twice, in the quiet and in the storm; in the storm only those
requests count that were due between its first request and its last answer. What is compared is
within a round, so that a machine that slows down slows both.

Limits are those that the service ships with, but for the one on all requests of an address, which
a steady visitor would reach: a storm comes from as many addresses as it takes to get past them.

`crowd.py` sends the storms and `door.py` counts who comes to fetch keys; both are processes of
their own. The issuer, `applications/issuer.py`, is one too, and dies as one.
"""

from __future__ import annotations

VISITED = "/api/v1/accounts/me"
"""What a visitor with a token asks for: it takes a verified token, a live session and a query."""

CONNECTIONS = 6
"""Of a visitor, each with a request every tenth of a second."""


def address(block: int, number: int) -> str:
    """Return a loopback address; a block has 62,500 of them, and the siege has block 64."""
    return f"127.{block}.{number // 250}.{1 + number % 250}"
