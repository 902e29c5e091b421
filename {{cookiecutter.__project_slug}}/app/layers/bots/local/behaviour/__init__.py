"""What clients did before: the part of layer 5 that needs a memory.

Stops: scanners (one request for a honeypot is enough; many different paths that no route has),
scraping by counting through identifiers in a path, one address that fails to log in to many
accounts, many addresses that fail to log in to one, and who mostly gets errors. Each signal counts
within minutes and, for those who take their time, within hours; the points add up to a score, and
that to a decision: allow, slow, refuse. Scores fade.
Does not stop: identifiers that lie far apart or stand in a query; one try from each of very many
addresses (the limit of failed logins of an account does); who is silent for an hour is forgotten.
Everybody behind one address (an office, IPv4 of a mobile network) has one standing. A victim of
such an attack is slowed at most, and only where their own logins fail.
When its dependency is down: without Redis every worker goes by its own memory, of the same
signals, and says so once; what it sees meanwhile, the others don't hear of.
Standard: OWASP Automated Threats (OAT-008 credential stuffing, -011 scraping, -014 scanning);
ASVS 5.0 V2.4.1, V6.3.1.
"""

from __future__ import annotations

from app.layers.bots.local.behaviour.engine import Behaviour, open_behaviour
from app.layers.bots.local.behaviour.holding import Holding
from app.layers.bots.local.behaviour.logins import watch_login
from app.layers.bots.local.behaviour.signals import (
    CLEAN,
    REFUSE_SCORE,
    SLOW_SCORE,
    Signal,
    Standing,
)
from app.layers.bots.local.behaviour.traces import Seen, seen_of

__all__ = [
    "CLEAN",
    "REFUSE_SCORE",
    "SLOW_SCORE",
    "Behaviour",
    "Holding",
    "Seen",
    "Signal",
    "Standing",
    "open_behaviour",
    "seen_of",
    "watch_login",
]
