"""Forward-confirmed reverse DNS: does an address belong to a domain that says so too?

Whoever holds an address chooses its name, so the name alone proves nothing; whoever holds the
domain says which addresses the name has. Only both together do (RFC 8601 §2.7.3). Nothing here is
waited for by a request. What is remembered, what is looked up at once and what waits for it are
bounded, so that a flood of made-up claims costs a few packets a second and no memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
import dns.reversename

from app.layers.bots.local.search_engines import plain_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv6Address

CONFIRMED_SECONDS = 24 * 3600.0
REFUTED_SECONDS = 3600.0
UNANSWERED_SECONDS = 60.0
"""How long an address is left alone when DNS was down, or its owner's servers do not answer."""
REMEMBERED = 4096
"""Addresses remembered, of those that are confirmed and of the others each: a flood of impostors
must not push a crawler out."""
AT_ONCE = 4
WAITING = 64
LOOKUP_SECONDS = 2.0
NAMES = 4
"""Names of one address that are looked at. Crawlers have one."""


class Lookup(Protocol):
    """DNS, as far as it is needed. An empty answer: there is none."""

    async def names(self, address: IPv4Address | IPv6Address) -> list[dns.name.Name]:
        """Return the names of an address."""

    async def addresses(self, name: dns.name.Name, version: int) -> set[str]:
        """Return the addresses of a name, of this IP version."""


class Dns:
    """`Lookup` by the machine's own resolvers."""

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        self._resolver = resolver

    async def _ask(self, name: dns.name.Name, kind: str) -> list[Any]:
        if self._resolver is None:
            # Made here: without a resolv.conf the service starts all the same.
            self._resolver = dns.asyncresolver.Resolver()
        try:
            answer = await self._resolver.resolve(name, kind, lifetime=LOOKUP_SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        return list(answer)

    async def names(self, address: IPv4Address | IPv6Address) -> list[dns.name.Name]:
        """Return the names of an address."""
        found = await self._ask(dns.reversename.from_address(str(address)), "PTR")
        return [one.target for one in found]

    async def addresses(self, name: dns.name.Name, version: int) -> set[str]:
        """Return the addresses of a name, of this IP version."""
        found = await self._ask(name, {4: "A", 6: "AAAA"}[version])
        return {str(one.address) for one in found}


class _Memory:
    """What is known of some addresses, and until when; the oldest goes when it is full."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ends: OrderedDict[tuple[str, tuple[str, ...]], float] = OrderedDict()

    def holds(self, key: tuple[str, tuple[str, ...]], now: float) -> bool:
        return self._ends.get(key, now) > now

    def put(self, key: tuple[str, tuple[str, ...]], end: float) -> None:
        self._ends[key] = end
        self._ends.move_to_end(key)
        if len(self._ends) > self._size:
            self._ends.popitem(last=False)


class ReverseDns:
    """Remembers which addresses belong to which domains, and finds out in the background.

    Args:
        lookup: DNS.
        clock: monotonic seconds.
    """

    def __init__(
        self, lookup: Lookup | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lookup = lookup if lookup is not None else Dns()
        self._clock = clock
        self._confirmed = _Memory(REMEMBERED)
        self._others = _Memory(REMEMBERED)
        self._pending: dict[tuple[str, tuple[str, ...]], asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def confirms(self, client: str, domains: tuple[str, ...]) -> bool:
        """Whether it is known that an address belongs to one of these domains. It never waits."""
        key, now = (client, domains), self._clock()
        if self._confirmed.holds(key, now):
            return True
        is_new = not self._others.holds(key, now) and key not in self._pending
        if is_new and len(self._pending) < WAITING:
            # A context of its own: it outlives the request that asked.
            task = asyncio.get_running_loop().create_task(self._find_out(key), context=Context())
            self._pending[key] = task
            task.add_done_callback(lambda _: self._pending.pop(key, None))
        return False

    async def _find_out(self, key: tuple[str, tuple[str, ...]]) -> None:
        client, domains = key
        try:
            async with self._turns, asyncio.timeout(3 * LOOKUP_SECONDS):
                is_theirs = await self._is_confirmed(client, domains)
        except (dns.exception.DNSException, OSError, TimeoutError):
            self._others.put(key, self._clock() + UNANSWERED_SECONDS)
        else:
            memory = self._confirmed if is_theirs else self._others
            seconds = CONFIRMED_SECONDS if is_theirs else REFUTED_SECONDS
            memory.put(key, self._clock() + seconds)

    async def _is_confirmed(self, client: str, domains: tuple[str, ...]) -> bool:
        address = plain_address(client)
        if address is None:
            return False
        # By labels, not by text: `x\\.googlebot.com` has one label before `com`.
        owners = [dns.name.from_text(domain) for domain in domains]
        for name in (await self._lookup.names(address))[:NAMES]:
            if any(name.is_subdomain(owner) for owner in owners):
                found = await self._lookup.addresses(name, address.version)
                if str(address) in found:
                    return True
        return False

    async def settled(self) -> None:
        """Wait until nothing is being looked up."""
        while self._pending:
            await asyncio.gather(*self._pending.values(), return_exceptions=True)

    async def aclose(self) -> None:
        """Stop looking up."""
        for task in list(self._pending.values()):
            task.cancel()
        await self.settled()
