"""What clients did before: the part of layer 5 that needs a memory.

Stops: scanners (one request for a honeypot is enough; many different paths that no route has),
scraping by counting through identifiers in a path, one address that fails to log in to many
accounts, many addresses that fail to log in to one, and who mostly gets errors.
Each signal is counted twice, by a count that halves in ten minutes and by one that halves in six
hours, for those who take their time. So many of each are free, those beyond cost points, some up to
a most, and the points add up:

    signal            ten minutes: free, points, most    six hours: free, points, most
    honeypot                     0     400                           0    10
    missing-paths               10       4                          30     2
    identifiers                 15       2                          60     0.5
    many-accounts                4      10                          15     4
    targeted-account             0      10    40                     5     3    20
    errors (of half or more)    20       0.5  30                   100     0.3  30

Below 50 points a client is served; from 50 its answers are held, for two seconds at most; from 100
it is refused. `signals.py` holds the figures. An account that eight clients fail at within minutes,
or twenty within hours, is a targeted one. A verified search engine is not judged by any of this.
Does not stop: identifiers that lie far apart or stand in a query; one try from each of very many
addresses (the limit of failed logins of an account does); who is silent for an hour is forgotten.
Everybody behind one address (an office, IPv4 of a mobile network) has one standing. What a
page on another site makes its visitors ask is held against such requests alone. A victim of
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
from app.layers.bots.local.behaviour.traces import Seen, client_of, seen_of

__all__ = [
    "CLEAN",
    "REFUSE_SCORE",
    "SLOW_SCORE",
    "Behaviour",
    "Holding",
    "Seen",
    "Signal",
    "Standing",
    "client_of",
    "open_behaviour",
    "seen_of",
    "watch_login",
]
