"""What one request leaves behind: the path and the status of its answer, made into evidence."""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from app.layers.bots.local.behaviour.record import PATH_BITS
from app.layers.bots.local.behaviour.signals import Signal
from app.layers.rate_limits.policies import client_key
from app.request_context import context_of
from app.request_headers import headers_of

if TYPE_CHECKING:
    from starlette.types import Scope

    from app.layers.bots.local.behaviour.record import Evidence

MAX_PATH = 1024
"""Characters that are looked at; validation refuses longer paths, but later."""
MAX_IDENTIFIERS = 3
"""Of one path; deeper ones say nothing new."""
BLOCK = 64
"""Identifiers this close are neighbours; random ones never are. A digest has a byte for each."""

SENT_WITHOUT_ORIGIN = frozenset(("GET", "HEAD"))
"""Methods of which browsers name the origin only to scripts that read the answer (Fetch 3.2)."""

CLIENT_ERRORS = range(400, 500)
"""Others are no fault of the client's."""

_HONEYPOT = re.compile(
    r"""/(?:
        wp-(?:login|config|cron|signup)\.php[~.\w]* | xmlrpc\.php | wp-(?:admin|includes)(?:/.*)?
      | \.env(?:[.\-_]\w+)* | \.(?:git|svn|hg)/[\w./-]+ | \.(?:aws|ssh|docker|kube)/[\w./-]+
      | \.(?:htpasswd|htaccess|bash_history|npmrc|netrc|DS_Store) | id_(?:rsa|ed25519)
      | (?:phpinfo|adminer|shell|eval-stdin|config|setup-config)\.php
      | (?:phpmy|phppg|my|pg)admin(?:/.*)?
      | actuator/(?:env|heapdump|gateway/.*) | server-status | HNAP1 | boaform/.* | GponForm/.*
      | cgi-bin/.* | manager/html | solr/admin(?:/.*)? | telescope/requests | _ignition/.*
      | _profiler/.* | (?:dump|backup|database)\.(?:sql|zip|tar\.gz) | web\.config | wls-wsat/.*
    )/?\Z""",
    re.IGNORECASE | re.VERBOSE,
)
"""What was never here and what nobody asks for but scanners, under whatever folder."""

HARMLESS = frozenset(
    (
        "/favicon.ico",
        "/robots.txt",
        "/sitemap.xml",
        "/apple-touch-icon.png",
        "/apple-touch-icon-precomposed.png",
        "/security.txt",
    )
)
"""What browsers and good crawlers ask every service for. `/.well-known/` is the same."""

_IDENTIFIER = re.compile(
    r"/(?:([0-9]{1,18})|([0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}))(?=/|\Z)", re.IGNORECASE
)
"""A number or a UUID that is a whole segment of the path."""


class Seen(NamedTuple):
    """One request and its answer, as far as they matter here."""

    path: str
    status: int
    is_routed: bool
    """Whether the service has a route for it."""


def seen_of(scope: Scope, status: int) -> Seen:
    """Return what is to be seen of a request, now that its answer has this status."""
    return Seen(scope["path"], status, "endpoint" in scope)


def client_of(scope: Scope) -> str:
    """Return by what a request is remembered: its client, apart from what others make it ask.

    Any page on the web can make its visitors ask for our honeypots (`<img src=…>`), and that must
    not close their address. So these requests are a client of their own: they are held against
    nothing but more of them, and to forge the header that tells them apart gains nothing. A page
    that calls us by script or sends a form says so in Origin too, and CORS answers for that one.
    """
    client = client_key(context_of(scope).client)
    headers = headers_of(scope)
    if headers.values(b"sec-fetch-site") != (b"cross-site",) or headers.values(b"origin"):
        return client
    return f"{client} cross-site" if scope["method"] in SENT_WITHOUT_ORIGIN else client


def digest_of(text: str, key: bytes) -> bytes:
    """Return 64 bytes for a thing, each of which may choose its bit in a set.

    The key is known to the workers only: else an attacker would choose things that share a bit, and
    give each of its addresses the accounts of one.
    """
    return blake2b(text.encode("utf-8", "surrogatepass"), key=key).digest()


def trace(seen: Seen, evidence: Evidence, key: bytes) -> bool:
    """Add what a request says about its client; return whether it is worth a closer look."""
    evidence.counts[Signal.REQUESTS] += 1
    path = seen.path[:MAX_PATH]
    has_identifier = _IDENTIFIER.search(path) is not None
    if has_identifier:
        _trace_identifiers(path, evidence, key)
    if seen.status not in CLIENT_ERRORS:
        return has_identifier and evidence.crowd > 0
    evidence.counts[Signal.ERRORS] += 1
    if not seen.is_routed:
        _trace_missing(_IDENTIFIER.sub("/*", path), evidence, key)
    return True


def _trace_missing(path: str, evidence: Evidence, key: bytes) -> None:
    if _HONEYPOT.search(path) is not None:
        evidence.counts[Signal.HONEYPOT] += 1
    elif path not in HARMLESS and not path.startswith("/.well-known/"):
        evidence.paths |= 1 << digest_of(path.casefold().rstrip("/"), key)[0] % PATH_BITS


def _trace_identifiers(path: str, evidence: Evidence, key: bytes) -> None:
    matches = list(islice(_IDENTIFIER.finditer(path), MAX_IDENTIFIERS))
    for found in matches:
        decimal, uuid = found.groups()
        value = int(decimal) if decimal is not None else int(uuid.replace("-", ""), 16)
        before, after = path[: found.start()], path[found.end() :]
        if len(matches) > 1:
            # The others are left out: whoever walks through users, and asks each for the same
            # thing, walks all the same.
            before, after = _IDENTIFIER.sub("/*", before), _IDENTIFIER.sub("/*", after)
        digest = digest_of(f"{before}:{after}:{value // BLOCK}", key)
        evidence.blocks |= 1 << (digest[0] ^ digest[1])
        evidence.identifiers |= 1 << digest[value % BLOCK]
