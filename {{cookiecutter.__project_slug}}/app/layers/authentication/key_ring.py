"""Our own keys, and which of them signs, is published and verifies: by the clock alone.

The newest key whose moment has come signs. Every key that has not retired is published and
verifies, so that the next one is known everywhere before its first token appears. A key retires
when the last token that it signed has run out. No worker is told anything, and none can be late.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from app.layers.authentication.keys import SigningKey, WeakKeyError, load_signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.layers.authentication.keys import PublicKey
    from app.layers.authentication.settings import AuthenticationSettings


class KeyRing:
    """The keys of one PEM text."""

    def __init__(
        self,
        keys: Sequence[SigningKey],
        retires_after: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the keys.

        Args:
            keys: by the moments from which they sign, at least one of them in the past.
            retires_after: seconds for which a key still verifies when its successor signs.
            clock: the seconds since the epoch.

        Raises:
            WeakKeyError: none signs yet.
        """
        self._keys = tuple(keys)
        self._clock = clock
        self._moments = [key.signs_from for key in self._keys]
        self._retirements = [moment + retires_after for moment in self._moments[1:]]
        self._by_kid = {key.kid: number for number, key in enumerate(self._keys)}
        if bisect_right(self._moments, clock()) == 0:
            raise WeakKeyError("no signing key signs yet; the first one is for later")

    @property
    def version(self) -> int:
        """How many keys have retired."""
        # Every request asks, and mostly there is one key.
        return bisect_right(self._retirements, self._clock()) if self._retirements else 0

    @property
    def is_open(self) -> bool:
        """Whether there is any key to believe: always, of our own."""
        return True

    @property
    def published(self) -> list[dict[str, Any]]:
        """The public halves of all keys that have not retired, as JWKs."""
        return [key.jwk for key in self._keys[self.version :]]

    def signer(self, at: float | None = None) -> SigningKey:
        """Return the key that signs now, or signed at another moment (seconds since the epoch)."""
        moment = self._clock() if at is None else at
        return self._keys[max(bisect_right(self._moments, moment) - 1, 0)]

    async def find(self, kid: str) -> PublicKey | None:
        """Return the key of this name, if we have one that has not retired."""
        number = self._by_kid.get(kid)
        return None if number is None or number < self.version else self._keys[number].public


def open_key_ring(settings: AuthenticationSettings) -> KeyRing:
    """Return the ring of the configured keys.

    Raises:
        WeakKeyError: one is missing, unreadable, too short or of another kind, or none signs yet.
    """
    pem = settings.private_key.get_secret_value() if settings.private_key else ""
    keys = load_signing_keys(pem, settings.algorithm)
    return KeyRing(keys, settings.access_token_seconds + settings.clock_skew_seconds)
