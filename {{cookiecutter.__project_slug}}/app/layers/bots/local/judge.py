"""Decides what a request's name, address and headers make of it. Pure: nothing is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.layers.bots.categories import Category
from app.layers.bots.local.behaviour import CLEAN, REFUSE_SCORE, SLOW_SCORE
from app.layers.bots.local.consistency import signals
from app.layers.bots.local.user_agents import UserAgents
from app.layers.bots.provider import CLEAR, Decision, Verdict

if TYPE_CHECKING:
    from app.layers.bots.local.behaviour import Standing
    from app.layers.bots.local.search_engines import SearchEngines
    from app.layers.bots.local.user_agents import Claim
    from app.layers.bots.provider import Sighting
    from app.layers.bots.settings import BotsSettings


class Judge:
    """Holds requests against the policy by category, and adds up what else speaks against them."""

    def __init__(self, settings: BotsSettings, search_engines: SearchEngines) -> None:
        self._user_agents = UserAgents()
        self._search_engines = search_engines
        self._refused = frozenset(settings.refuse)
        # Made once: most requests get one of these few.
        self._verdicts = {
            category: Verdict(
                category, Decision.REFUSE if category in self._refused else Decision.ALLOW
            )
            for category in Category
        }

    def judge(self, sighting: Sighting, standing: Standing = CLEAN) -> Verdict:
        """Return the verdict on a request of a client that stands so."""
        user_agents = sighting.headers.values(b"user-agent")
        if len(user_agents) > 1:
            # Two names: which one another program believes is anybody's guess.
            return self._verdicts[Category.MALFORMED]
        claim = self._user_agents.claim(user_agents[0] if user_agents else b"")
        category = self._believed(claim, sighting.client)
        if category is not None:
            verdict = self._verdicts[category]
            # A verified search engine walks from page to page: that is what it is let in for.
            if verdict.decision is Decision.REFUSE or category is Category.SEARCH_ENGINE:
                return verdict
        found = signals(sighting, claim) if claim.sends_fetch_metadata else ()
        if not found and standing.score < SLOW_SCORE:
            return CLEAR if category is None else self._verdicts[category]
        return self._added_up(category, found, standing)

    def _added_up(
        self,
        category: Category | None,
        found: list[tuple[int, str]] | tuple[()],
        standing: Standing,
    ) -> Verdict:
        by_headers = sum(weight for weight, _ in found)
        score = by_headers + standing.score
        reasons = (*(reason for _, reason in found), *standing.reasons)
        if score < SLOW_SCORE:
            return CLEAR if category is None else self._verdicts[category]
        is_spoofed = by_headers >= max(standing.score, SLOW_SCORE)
        blamed = Category.SPOOFED_BROWSER if is_spoofed else Category.MISBEHAVING
        if blamed not in self._refused:
            return Verdict(blamed, Decision.ALLOW, reasons, score)
        decision = Decision.REFUSE if score >= REFUSE_SCORE else Decision.SLOW
        return Verdict(blamed, decision, reasons, score)

    def _believed(self, claim: Claim, client: str) -> Category | None:
        if claim.category is not Category.SEARCH_ENGINE:
            return claim.category
        is_one = self._search_engines.is_one(claim.engine, client)
        return Category.SEARCH_ENGINE if is_one else Category.IMPOSTOR
