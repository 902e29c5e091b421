"""Another issuer's keys: fetched in the background, so that no valid token ever waits for them.

A token with a known key is decided at once, whatever the issuer does. Only a token with an unknown
key may wait, for one fetch that all such tokens share, and the next fetch begins
`COOLDOWN_SECONDS` after the last one began, for whatever reason: four in a minute, from each
worker. So nobody turns rubbish into a flood on the issuer, and a key that was published late is
believed `MISSING_SECONDS` after somebody asked for it in vain, at the latest.
When the issuer fails, its last keys count for `JWKS_STALE_SECONDS` more; then every token is
answered 503. A set that came whole is the truth, even an empty one: an issuer that withdraws every
key means it.
(PyJWT's own client blocks the event loop, fetches once for each unknown kid and, when its issuer
fails, let a valid token wait 5 s: measured.)
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING

import httpx

from app.errors import Unavailable
from app.layers.authentication.jwks import BadKeySetError, read_jwks
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from app.layers.authentication.keys import KeySet, PublicKey
    from app.layers.authentication.settings import AuthenticationSettings

COOLDOWN_SECONDS = 15.0
"""Between the beginnings of two fetches, failed ones too."""
REFRESHED_AT = 0.8
"""Of the keys' time: they are fetched again before it ends."""
TICK_SECONDS = 1.0
"""How often somebody looks whether it is time."""
MAX_BYTES = 262_144
"""Of a whole set, read until there."""
MAX_CHUNKS = 1_000
"""That it may come in: byte by byte, reading it would keep the event loop busy (224 ms a time)."""
MISSING_SECONDS = 60.0
"""How long a name that was in no set provokes no further fetch."""
MAX_MISSING = 1_000
"""Names remembered so, 1 MB at most; the oldest goes first."""
OK = 200


class KeysUnavailable(Unavailable):
    """503: no token can be checked now; it may be a good one, so this is no 401."""

    layer = "authentication"

    def __init__(self) -> None:
        super().__init__("Tokens can't be checked now.", headers={"Retry-After": "15"})


class RemoteKeySet:
    """The keys of another issuer. Knows no ASGI.

    Args:
        settings: where the keys are, and how long they count.
        transport: what fetches them.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        settings: AuthenticationSettings,
        transport: httpx.AsyncBaseTransport,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=settings.jwks_timeout_seconds,
            follow_redirects=False,  # whoever answers for another place would choose our keys
            trust_env=False,
            # Not compressed: a few bytes on the wire could be gigabytes here.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
        self._keys: dict[str, PublicKey] = {}
        self._digest = b""
        self._version = 0
        self._fetched = self._attempted = float("-inf")
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None
        self._missing: dict[str, float] = {}

    @property
    def version(self) -> int:
        """Another number whenever the set has changed; its keys' end is a change."""
        self._close_if_stale()
        return self._version

    @property
    def is_open(self) -> bool:
        """Whether there is any key to believe."""
        self._close_if_stale()
        return bool(self._keys)

    async def find(self, kid: str) -> PublicKey | None:
        """Return the key of this name, or None when the issuer has none.

        Raises:
            KeysUnavailable: there is no key at all that may be believed now.
        """
        self._close_if_stale()
        key = self._keys.get(kid)
        if key is not None:
            return key
        asked = self._clock()
        if not self._is_missing(kid, asked) and (fetch := self._fetch_if_allowed()) is not None:
            # Unlike awaiting it, this neither ends the fetch when our client goes away, nor ends
            # our request when the fetch is ended.
            await asyncio.wait((fetch,))
            key = self._keys.get(kid)
            if key is None and self._fetched >= asked:
                self._note_missing(kid)
        if key is None and not self._keys:
            raise KeysUnavailable
        return key

    async def refresh(self) -> None:
        """Fetch the keys now, or wait for the fetch that is under way. It never raises."""
        if (fetch := self._fetch_if_allowed()) is not None:
            await asyncio.wait((fetch,))

    async def keep_fresh(self) -> None:
        """Fetch the keys before their time ends, without anybody asking, until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.refresh_if_due()

    def refresh_if_due(self) -> None:
        """Begin to fetch the keys if it is time; nobody waits for it."""
        self._close_if_stale()
        age = self._clock() - self._fetched
        is_due = age >= self._settings.jwks_refresh_seconds * REFRESHED_AT
        if is_due or not self._keys:
            self._fetch_if_allowed()

    async def aclose(self) -> None:
        """End what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait((self._fetching,))
        await self._client.aclose()

    def _close_if_stale(self) -> None:
        if not self._keys or self._clock() < self._fetched + self._lifetime:
            return
        self._keys, self._digest = {}, b""
        self._version += 1
        log_event(Event.KEYS_UNAVAILABLE, level="CRITICAL", reason="the last keys are too old")

    @property
    def _lifetime(self) -> float:
        return self._settings.jwks_refresh_seconds + self._settings.jwks_stale_seconds

    def _is_missing(self, kid: str, now: float) -> bool:
        return now < self._missing.get(kid, float("-inf"))

    def _note_missing(self, kid: str) -> None:
        self._missing.pop(kid, None)  # so that it goes to the end: the first is the oldest
        if len(self._missing) >= MAX_MISSING:
            del self._missing[next(iter(self._missing))]
        self._missing[kid] = self._clock() + MISSING_SECONDS

    def _fetch_if_allowed(self) -> asyncio.Task[None] | None:
        """Return the fetch under way, or a new one, or None when the last one was just now."""
        if self._fetching is not None:
            return self._fetching
        now = self._clock()
        if now < self._attempted + COOLDOWN_SECONDS:
            return None
        self._attempted = now
        # Its own context: what it logs belongs to no single request.
        loop = asyncio.get_running_loop()
        self._fetching = loop.create_task(self._fetch(now), context=Context())
        return self._fetching

    async def _fetch(self, began: float) -> None:
        try:
            # httpx's timeout is for each read; an issuer that drips would never meet it.
            async with asyncio.timeout(self._settings.jwks_timeout_seconds):
                body = await self._download()
            self._take(body, began)
        except Exception as error:  # noqa: BLE001 - whatever it is, the keys we have stay
            self._failed = True
            left = max(0.0, self._fetched + self._lifetime - self._clock())
            reason = str(error) if isinstance(error, BadKeySetError) else type(error).__name__
            log_event(Event.KEYS_UNAVAILABLE, reason=reason, believed_seconds=round(left))
        finally:
            self._fetching = None

    async def _download(self) -> bytes:
        """Return the body of the answer.

        Raises:
            BadKeySetError: it is a redirect, an error, compressed or too long.
            httpx.HTTPError: there is no answer.
        """
        body = bytearray()
        try:
            async with self._client.stream("GET", str(self._settings.jwks_url)) as response:
                if response.status_code != OK:
                    raise BadKeySetError(f"status {response.status_code}")
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise BadKeySetError("compressed, unasked")
                chunks = 0
                async for chunk in response.aiter_raw():
                    body += chunk
                    chunks += 1
                    if len(body) > MAX_BYTES or chunks > MAX_CHUNKS:
                        raise BadKeySetError("too long")
        finally:
            self._client.cookies.clear()  # nothing of an answer is kept for the next request
        return bytes(body)

    def _take(self, body: bytes, began: float) -> None:
        """Believe a set from now on.

        Raises:
            BadKeySetError: it is none.
        """
        digest = hashlib.sha256(body).digest()
        if digest != self._digest:
            keys, ignored = read_jwks(body, self._settings.algorithm)
            for one in ignored:
                log_event(Event.KEY_IGNORED, kid=one.kid, reason=one.reason)
            if keys != self._keys:
                self._keys = keys
                self._version += 1
                log_event(Event.KEYS_CHANGED, count=len(keys))
            self._digest = digest
        if not self._keys:
            log_event(Event.KEYS_UNAVAILABLE, level="CRITICAL", reason="no key in the set counts")
        elif self._failed:
            log_event(Event.KEYS_RESTORED)
        self._fetched, self._failed = began, False


class BadCertificatesError(Exception):
    """The certificates to believe the issuer's server by can't be read. It stops the start."""


def open_key_set(settings: AuthenticationSettings) -> RemoteKeySet:
    """Return the other issuer's keys; nothing is fetched yet.

    Raises:
        BadCertificatesError: `jwks_ca_file` can't be read.
    """
    ca_file = settings.jwks_ca_file
    try:
        verify = (
            httpx.create_ssl_context(trust_env=False)
            if ca_file is None
            else ssl.create_default_context(cafile=ca_file)
        )
    except OSError as error:
        raise BadCertificatesError(
            f"AUTHENTICATION__JWKS_CA_FILE: no certificates can be read from {ca_file}"
        ) from error
    return RemoteKeySet(settings, httpx.AsyncHTTPTransport(verify=verify))


@asynccontextmanager
async def kept_fresh(keys: KeySet) -> AsyncIterator[None]:
    """Keep another issuer's keys fresh for the life of the application; our own need nothing.

    The first fetch is waited for. If it fails, the service starts all the same, and keeps trying.
    """
    if not isinstance(keys, RemoteKeySet):
        yield
        return
    await keys.refresh()
    ticker = asyncio.create_task(keys.keep_fresh(), context=Context())
    try:
        yield
    finally:
        ticker.cancel()
        await asyncio.wait((ticker,))
        await keys.aclose()
