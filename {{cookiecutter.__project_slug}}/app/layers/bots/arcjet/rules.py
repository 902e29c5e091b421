"""The rules that Arcjet is given, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arcjet import Mode, token_bucket
from arcjet._rules import BotDetection

if TYPE_CHECKING:
    from arcjet import RuleSpec

AI = ("CATEGORY:AI",)
HTTP_CLIENTS = ("CATEGORY:PROGRAMMATIC", "CATEGORY:TOOL")
"""HTTP libraries, command line tools and automated browsers alike."""
AUTOMATED = (
    *HTTP_CLIENTS,
    "CATEGORY:UNKNOWN",
    "CATEGORY:BOTNET",
    "CATEGORY:ACADEMIC",
    "CATEGORY:ADVERTISING",
    "CATEGORY:ARCHIVE",
    "CATEGORY:OPTIMIZER",
    "UNKNOWN_BOT",
)
"""What Arcjet once called AUTOMATED. Search engines, previews, feeds and monitors are not in it."""

TOKENS, REFILL_TOKENS, REFILL_SECONDS = 50, 10, 60


def denying(bots: tuple[str, ...]) -> BotDetection:
    """Return the rule that denies these bots.

    It is made by hand. `detect_bot` turns the names of categories into members of an enumeration,
    whose text is another one: the rules that run here then match no category at all.
    """
    return BotDetection(mode=Mode.LIVE, deny=bots)


def rules(denied: tuple[str, ...]) -> tuple[RuleSpec, ...]:
    """Return the rules that deny these bots, and whoever has emptied the token bucket."""
    return (
        denying(denied),
        token_bucket(
            mode=Mode.LIVE, refill_rate=REFILL_TOKENS, interval=REFILL_SECONDS, capacity=TOKENS
        ),
    )
