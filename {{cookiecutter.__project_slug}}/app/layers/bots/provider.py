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
    name: Category | None = None
    """What it calls itself, where it is taken for something worse."""


CLEAR = Verdict(None, Decision.ALLOW)
"""Nothing is known against it."""


class Provider(Protocol):
    """Judges requests."""

    behaviour: Behaviour | None
    """What remembers the logins that failed; None when the provider has no such memory."""

    async def judge(self, scope: Scope) -> Verdict:
        """Return what to make of a request before it goes on. It never raises.

        Its route is known after routing only, and who makes it (`context_of(scope).principal`)
        once authentication has verified it.
        """

    def saw(self, scope: Scope, status: int) -> None:
        """Learn what was answered to a request that was let through. It never waits."""
