"""What may not go to production. The same findings refuse the start and fail CI.

`python -m app.checks` prints them for the environment it runs in and exits with 1 if there are any.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from app.layers.authentication import AuthenticationSettings
from app.layers.authentication.keys import WeakKeyError, load_signing_keys
from app.layers.logs import Event, log_event
from app.settings import Settings, load_settings_or_exit, secret_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Finding(NamedTuple):
    """One unsafe setting: a code to search for, what is wrong, and what to do."""

    code: str
    problem: str
    hint: str

    def __str__(self) -> str:
        return f"{self.code}: {self.problem} {self.hint}"


class UnsafeConfigurationError(Exception):
    """Production with findings. The message has a line for each."""


def _is_local(host: str) -> bool:
    name = host.strip("[]").rstrip(".").lower()
    if name in {"", "localhost"} or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:  # 127.1 and 2130706433 are addresses too, to whoever connects
            address = ipaddress.ip_address(socket.inet_aton(name))
        except OSError:
            return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def _signing_key(settings: Settings) -> Iterator[Finding]:
    if settings.authentication.trusts_another_issuer:
        return
    pem = secret_value(settings.authentication.private_key)
    kind = settings.authentication.algorithm
    hint = (
        "Set AUTHENTICATION__PRIVATE_KEY_FILE to a file with one: "
        f"python -m app.keys new --algorithm {kind} FILE"
    )
    if not pem:
        yield Finding("authentication.E001", "There is no signing key.", hint)
        return
    try:
        load_signing_keys(pem, settings.authentication.algorithm)
    except WeakKeyError as error:
        yield Finding("authentication.E002", f"{str(error).capitalize()}.", hint)


def _issuer(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.authentication.issuer)
    if parts.scheme != "https" or _is_local(parts.hostname or ""):
        yield Finding(
            "authentication.E003",
            "The issuer is not a public https URL.",
            "Set AUTHENTICATION__ISSUER to https:// and the API's domain, or as another issuer "
            "writes itself.",
        )


def _key_set(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.authentication.jwks_url or "https://api.example")
    if parts.scheme != "https" or _is_local(parts.hostname or ""):
        yield Finding(
            "authentication.E004",
            "The issuer's keys are local or come unencrypted: whoever is on that wire is anybody.",
            "Set AUTHENTICATION__JWKS_URL to an https URL of the issuer.",
        )
    if settings.authentication.trusts_another_issuer and (
        settings.authentication.audience == AuthenticationSettings().audience
    ):
        yield Finding(
            "authentication.E005",
            "The audience has its default, which the issuer's other services may have too: a token "
            "for one of them would open this one.",
            "Set AUTHENTICATION__AUDIENCE to what the issuer calls this service alone.",
        )


def _hosts(settings: Settings) -> Iterator[Finding]:
    if not settings.https.allowed_hosts or any(map(_is_local, settings.https.allowed_hosts)):
        yield Finding(
            "https.E001",
            "A local name is among the hosts, or there is none.",
            "Set HTTPS__ALLOWED_HOSTS to the API's domain.",
        )


def _is_broad(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether a network holds strangers: a private one may be a whole cluster's."""
    narrowest = {4: 24, 6: 64} if not network.is_private else {4: 8, 6: 32}
    return network.prefixlen < narrowest[network.version]


def _proxies(settings: Settings) -> Iterator[Finding]:
    for network in settings.https.trusted_networks:
        if _is_broad(network):
            yield Finding(
                "https.E002",
                f"Whole parts of the Internet are trusted as a proxy ({network}).",
                "Set HTTPS__TRUSTED_PROXIES to the addresses of nginx only.",
            )


def _sockets(settings: Settings) -> Iterator[Finding]:
    if settings.https.trusts_unix and not settings.server.has_unix_socket:
        yield Finding(
            "https.E003",
            "A Unix socket is trusted as the proxy's way in, and there is none.",
            "Take `unix` out of HTTPS__TRUSTED_PROXIES, or set SERVER__BIND to unix:/path.",
        )
    if settings.server.has_unix_socket and not settings.https.trusts_unix:
        yield Finding(
            "https.E004",
            "Whatever comes through the Unix socket would be refused.",
            "Put the word unix into HTTPS__TRUSTED_PROXIES.",
        )


def _search_engines(settings: Settings) -> Iterator[Finding]:
    for network in settings.bots.search_engine_networks:
        if network.prefixlen < (16 if network.version == 4 else 32):  # noqa: PLR2004 - IPv4
            yield Finding(
                "bots.E001",
                f"Nearly anybody may call itself a search engine ({network}).",
                "Set BOTS__SEARCH_ENGINE_NETWORKS to the ranges that the engines publish.",
            )


def _log_level(settings: Settings) -> Iterator[Finding]:
    if settings.logs.level == "DEBUG":
        yield Finding(
            "logs.E001",
            "Libraries log what they handle at DEBUG.",
            "Leave LOGS__LEVEL alone, or set it to INFO or above.",
        )


def _hsts(settings: Settings) -> Iterator[Finding]:
    year = 31_536_000
    if settings.headers.hsts_max_age < year:
        yield Finding(
            "headers.E001",
            "HSTS is shorter than a year.",
            f"Leave HEADERS__HSTS_MAX_AGE alone, or set it to {year} or more.",
        )


def _origins(settings: Settings) -> Iterator[Finding]:
    for origin in settings.cors.allowed_origins:
        if _is_local(urlsplit(origin).hostname or ""):
            yield Finding(
                "cors.E002",
                f"The origin {origin} is whatever runs on a visitor's own machine.",
                "Name only pages that you serve in CORS__ALLOWED_ORIGINS.",
            )
        elif not origin.startswith("https://"):
            yield Finding(
                "cors.E001",
                f"The origin {origin} is not encrypted: whoever is on its wire has our answers.",
                "Serve that page over https and name it so in CORS__ALLOWED_ORIGINS.",
            )


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis.url is None:
        yield Finding(
            "rate_limits.E001",
            "There is no Redis, so each process would count for itself.",
            "Set REDIS__URL or REDIS__URL_FILE.",
        )
        return
    parts = urlsplit(settings.redis.url.get_secret_value())
    if parts.scheme != "unix" and not parts.password:
        yield Finding(
            "rate_limits.E002",
            "Redis asks for no password: whoever reaches it can reset every limit.",
            "Give it one (requirepass or an ACL user), and the URL with it by REDIS__URL_FILE.",
        )


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database.is_sqlite:
        yield Finding(
            "database.E001",
            "The database is SQLite, the embedded default for development.",
            "Set DATABASE__URL or DATABASE__URL_FILE to postgresql+asyncpg://….",
        )


def _storage(settings: Settings) -> Iterator[Finding]:
    if not settings.uploads.bucket:
        yield Finding(
            "uploads.E002",
            "No bucket is named, so every upload would be refused.",
            "Set UPLOADS__BUCKET.",
        )
    parts = urlsplit(settings.uploads.endpoint_url or "")
    if settings.uploads.endpoint_url and (
        parts.scheme != "https" or _is_local(parts.hostname or "")
    ):
        yield Finding(
            "uploads.E001",
            "The object store is local or not encrypted, as the embedded one is.",
            "Set UPLOADS__ENDPOINT_URL to an https URL, or leave it out for AWS.",
        )


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _hosts,
    _proxies,
    _sockets,
    _search_engines,
    _log_level,
    _hsts,
    _origins,
    _redis,
    _signing_key,
    _issuer,
    _key_set,
    _storage,
    _database,
)


def findings(settings: Settings) -> list[Finding]:
    """Return what would be unsafe about these settings in production."""
    return [finding for check in CHECKS for finding in check(settings)]


def refuse_unsafe(settings: Settings) -> None:
    """Do nothing in development or when all is well.

    Raises:
        UnsafeConfigurationError: production, and something is unsafe.
    """
    if settings.environment != "production":
        return
    found = findings(settings)
    if found:
        raise UnsafeConfigurationError("\n".join(map(str, found)))


def log_refusals(reasons: list[str]) -> int:
    """Write a line of the log for each reason not to start; return the exit code."""
    for reason in reasons:
        log_event(Event.SYS_CONFIGURATION_REFUSED, reason=reason)
    return 1 if reasons else 0


def main() -> int:
    """Print the findings; 1 if there are any, or if the settings can't be used."""
    found = findings(load_settings_or_exit())
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
