"""A good client's patience: how long it waits for the whole service, and how long under siege.

The service runs as it is shipped, nginx and all, on one core. On the other one are a visitor, who
asks at a steady pace from one address, and the besiegers, who hold what they can from others: idle
connections, headers that drip, bodies that never come. What nginx closes, they open again.

In each round the visitor is timed twice, in the quiet and under siege. Its times count only when
every request was answered with success and the siege stood all the while. What is compared is
within a round, so that a machine that slows down slows both.

The visitor and `besiegers.py` are processes of their own, so that neither waits for the other.
"""

from __future__ import annotations

HELD_BY_ONE = 10
"""Connections of one besieger's address: far below nginx's limit, so that none is refused."""

SIEGE = {"idle": 300, "slow_headers": 100, "held_bodies": 50}
"""How many of each the besiegers keep open."""
