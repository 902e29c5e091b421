"""The local provider: user agents, search engines, headers, TLS and behaviour.

It depends on nothing that may be down: data and networks are shipped with the service, DNS is asked
in the background, and what is known of clients' behaviour is in this worker's memory; Redis only
shares it between workers.
"""

from __future__ import annotations

from app.layers.bots.local.judge import Judge
from app.layers.bots.local.provider import LocalProvider, open_local
from app.layers.bots.local.reverse_dns import ReverseDns
from app.layers.bots.local.search_engines import SearchEngines
from app.layers.bots.local.user_agents import Claim, UserAgents

__all__ = [
    "Claim",
    "Judge",
    "LocalProvider",
    "ReverseDns",
    "SearchEngines",
    "UserAgents",
    "open_local",
]
