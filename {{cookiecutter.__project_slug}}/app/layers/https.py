"""Layer 1, HTTPS: only what came encrypted, through our own proxy, for our own name.

Stops: going around nginx (a peer that is no trusted proxy is refused, whatever it claims; on a Unix
socket the peer has no address, and the file's mode says who may connect), forged
client addresses (a limit or a log line would name the wrong one), plain HTTP, and foreign Host
headers (poisoned links and caches). TLS itself, slow clients, request smuggling and oversized
requests are stopped before, by nginx: see `edge/`.
Does not stop: whoever runs on a trusted proxy's address, or as a user who may open the socket; so
trust as few as there are.
When its dependency is down: without nginx there is no TLS and no service; nothing falls back.
Standard: RFC 9110 §7.2 and §15.5.20, RFC 9112 §3.2; ASVS 5.0 V4.1.2, V4.1.3, V12.2.1.

uvicorn's own proxy support is off: this is the one place that believes `X-Forwarded-*`.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator

from app.errors import Malformed, ServiceError, problem_response
from app.layers import CommaSeparated, LayerSettings, Network, comma_separated, parse_network
from app.layers.logs import Event, log_event
from app.request_context import context_of
from app.request_headers import headers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("::1"))
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
# As RFC 9112 §3.2 has it, for the names above and addresses; user information is not part of it.
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?")


def _checked_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in lower case.

    Raises:
        ValueError: one is no plain host name.
    """
    names = tuple(host.lower() for host in hosts)
    for name in names:
        if not _NAME.fullmatch(name) and not re.fullmatch(r"\[[0-9a-f:.]+\]", name):
            raise ValueError("a host is a name without scheme, port or wildcard")
    return names


def _parse_proxy(value: object) -> object:
    """Return the network, or the word for the socket.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str) and value != "unix" and value.lower().startswith("unix"):
        raise ValueError("for the Unix socket, say the word unix and nothing else")
    return value if value == "unix" else parse_network(value)


Proxy = Annotated[Network | Literal["unix"], BeforeValidator(_parse_proxy)]


class HttpsSettings(LayerSettings):
    """`HTTPS__*`."""

    trusted_proxies: Annotated[tuple[Proxy, ...], comma_separated] = LOOPBACK
    """Addresses or networks that nginx connects from, and nobody else. The word `unix`: whoever
    can open the Unix socket that SERVER__BIND names."""
    allowed_hosts: Annotated[CommaSeparated, AfterValidator(_checked_hosts)] = ("localhost",)
    """Names that clients may call us by, without ports."""

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The trusted proxies that have addresses."""
        return tuple(one for one in self.trusted_proxies if one != "unix")

    @property
    def trusts_unix(self) -> bool:
        """Whether a peer without an address is a trusted proxy."""
        return "unix" in self.trusted_proxies


class Claims(NamedTuple):
    """What a request says of its own way here: every value of each header, as it came."""

    forwarded_for: Sequence[bytes]
    forwarded_proto: Sequence[bytes]
    host: Sequence[bytes]


class ProxyBypassed(ServiceError):
    """403: not through the proxy, or not encrypted up to it."""

    status, slug, layer = 403, "proxy-bypassed", "https"


class WrongHost(ServiceError):
    """421: for a name that is not ours (RFC 9110 §15.5.20)."""

    status, slug, layer = 421, "wrong-host", "https"


class BadForwarding(Malformed):
    """400: the proxy is trusted but what it says can't be read; it is not ours, or badly set up."""

    layer = "https"


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, IPv4 in IPv6 as IPv4, or None for anything that is not just one."""
    if "%" in text:  # a zone means something on one machine only
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4096)
def _spelled(forwarded: bytes) -> str | None:
    """Return the address in its one spelling, or None; clients come back, so it is remembered."""
    address = parse_address(forwarded.decode("latin-1"))
    return None if address is None else str(address)


@lru_cache(maxsize=64)
def _name_in(host: bytes) -> bytes | None:
    """Return the name in a Host header, or None; nginx sends the same one each time."""
    match = _HOST.fullmatch(host)
    return None if match is None else match[1].lower()


def host_of(scope: Scope, names: Collection[str]) -> str | None:
    """Return the name and port that a request calls us by, in lower case; None if not of these."""
    hosts = headers_of(scope).values(b"host")
    name = _name_in(hosts[0]) if len(hosts) == 1 else None
    if name is None or name.decode("ascii") not in names:
        return None
    return hosts[0].decode("ascii").lower()


class Gate:
    """Decides whom to believe. Knows no ASGI."""

    def __init__(self, settings: HttpsSettings) -> None:
        self.hosts = frozenset(name.encode("ascii") for name in settings.allowed_hosts)
        self.is_trusted = lru_cache(maxsize=256)(self._is_trusted)
        self._networks = settings.trusted_networks
        self._trusts_unix = settings.trusts_unix

    def _is_trusted(self, peer: str | None) -> bool:
        if peer is None:
            return self._trusts_unix
        address = parse_address(peer)
        return address is not None and any(address in network for network in self._networks)

    def client(self, peer: str | None, claims: Claims) -> str:
        """Return the address of the client.

        Args:
            peer: the address that connected; None on a Unix socket.
            claims: what the request says.

        Raises:
            ProxyBypassed: the peer is no trusted proxy, or the client's connection to it was plain.
            BadForwarding: a header is missing, repeated or no single address or name.
            WrongHost: the name is not ours.
        """
        if not self.is_trusted(peer):
            raise ProxyBypassed("This is not the way in.")
        if len(claims.forwarded_for) != 1 or len(claims.forwarded_proto) != 1:
            raise BadForwarding("The proxy did not say where this request comes from.")
        if claims.forwarded_proto[0] != b"https":
            raise ProxyBypassed("Use HTTPS.")
        client = _spelled(claims.forwarded_for[0])
        if client is None:
            raise BadForwarding("The proxy did not say where this request comes from.")
        self._check_host(claims.host)
        return client

    def _check_host(self, hosts: Sequence[bytes]) -> None:
        name = _name_in(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            raise BadForwarding("The request must name one host.")
        if name not in self.hosts:
            raise WrongHost("This service does not answer for that host.")


def _claims(scope: Scope) -> Claims:
    values = headers_of(scope).values
    return Claims(values(b"x-forwarded-for"), values(b"x-forwarded-proto"), values(b"host"))


class HttpsMiddleware:
    """Lets a request in with its true client and scheme, or answers the refusal itself."""

    def __init__(self, app: ASGIApp, settings: HttpsSettings) -> None:
        self.app = app
        self.gate = Gate(settings)

    # Not async: whoever awaits it waits for the next one's work directly.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Judge the request before anything that counts or logs clients sees it."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        peer = scope["client"][0] if scope["client"] else None
        try:
            client = self.gate.client(peer, _claims(scope))
        except WrongHost as refusal:
            log_event(Event.HOST_REFUSED, peer=peer)
            return problem_response(scope, refusal)(scope, receive, send)
        except (ProxyBypassed, BadForwarding) as refusal:
            log_event(Event.PROXY_BYPASSED, peer=peer, reason=refusal.slug)
            return problem_response(scope, refusal)(scope, receive, send)
        # In place: the layers outside of this one see the same scope.
        scope["client"] = (client, 0)
        scope["scheme"] = "https"
        context_of(scope).client = client
        return self.app(scope, receive, send)
