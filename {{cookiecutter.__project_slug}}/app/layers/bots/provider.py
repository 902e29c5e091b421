"""What judges requests: the interface of this layer's two providers, and what passes through it.

`local` knows the world by the data that is shipped with the service and by what it sees clients do;
`arcjet` asks a service of that name. `BOTS__PROVIDER` chooses. Policy is not a provider's business:
which categories are only logged, and what a route of its own allows, is decided by `policy.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from starlette.types import Scope

    from app.layers.bots.categories import Category
    from app.layers.bots.local.behaviour import Behaviour
    from app.request_headers import RequestHeaders


class Decision(StrEnum):
    """What becomes of a request. There is no challenge: an API's clients could not solve one."""

    ALLOW = "allow"
    SLOW = "slow"
    """It is held for a while and then let through: too little for a refusal."""
    REFUSE = "refuse"


class Verdict(NamedTuple):
    """What a client is taken for, and what should become of its request."""

    category: Category | None
    """None for what is no known program: a browser, or a client of somebody's own."""
    decision: Decision
    reasons: tuple[str, ...] = ()
    """For the log. The client is never told: it would be a lesson."""
    score: int = 0
    """What the signals weigh that were added up for it."""


CLEAR = Verdict(None, Decision.ALLOW)
"""Nothing is known against it."""


_GREASE = {b"1": True, b"0": False}


class Sighting(NamedTuple):
    """What is seen of a request before it goes on."""

    headers: RequestHeaders
    client: str
    """The address that the trusted proxy saw."""
    method: str
    path: str
    scheme: str
    scope: Scope
    """Where the layers note what they learn. Its route is known after routing only, and who makes
    the request (`context_of(scope).principal`) once authentication has verified it."""

    @property
    def greases(self) -> bool | None:
        """Whether its TLS handshake offered a reserved cipher (RFC 8701), as Chromium's does.

        nginx says so, and clears what a client says itself. None when nobody says anything.
        """
        said = self.headers.values(b"x-tls-grease")
        return _GREASE.get(said[0]) if len(said) == 1 else None


class Provider(Protocol):
    """Judges requests."""

    behaviour: Behaviour | None
    """What remembers the logins that failed; None when the provider has no such memory."""

    async def judge(self, sighting: Sighting) -> Verdict:
        """Return what to make of a request before it goes on. It never raises."""

    def saw(self, sighting: Sighting, status: int) -> None:
        """Learn what was answered to a request that was let through. It never waits."""
