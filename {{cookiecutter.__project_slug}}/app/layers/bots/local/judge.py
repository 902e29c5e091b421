"""Decides what a request's name, address and headers make of it. Pure: nothing is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.layers.bots.categories import Category
from app.layers.bots.local.behaviour import CLEAN, REFUSE_SCORE, SLOW_SCORE
from app.layers.bots.local.consistency import NOTHING_FOUND, signals
from app.layers.bots.local.user_agents import UserAgents
from app.layers.bots.provider import CLEAR, Decision, Verdict
from app.request_context import context_of
from app.request_headers import headers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

    from app.layers.bots.local.behaviour import Standing
    from app.layers.bots.local.consistency import Signal
    from app.layers.bots.local.search_engines import Engine, SearchEngines
    from app.layers.bots.settings import BotsSettings


class Judge:
    """Holds requests against the policy by category, and adds up what else speaks against them."""

    def __init__(self, settings: BotsSettings, search_engines: SearchEngines) -> None:
        self._claim = UserAgents().claim
        self._search_engines = search_engines
        self._refused = frozenset(settings.refuse)
        # Of a name that is only monitored, more has to be known.
        self._settled = (self._refused - set(settings.monitor)) | {Category.SEARCH_ENGINE}
        # Made once: most requests get one of these few.
        self._verdicts = {
            category: Verdict(
                category, Decision.REFUSE if category in self._refused else Decision.ALLOW
            )
            for category in Category
        }

    def judge(self, scope: Scope, standing: Standing = CLEAN) -> Verdict:
        """Return the verdict on a request of a client that stands so."""
        headers = headers_of(scope)
        user_agents = headers.values(b"user-agent")
        if len(user_agents) > 1:
            # Two names: which one another program believes is anybody's guess.
            return self._verdicts[Category.MALFORMED]
        claim = self._claim(user_agents[0] if user_agents else b"")
        verdict, found = CLEAR, NOTHING_FOUND
        if claim.category is not None:
            verdict = self._verdicts[self._believed(claim.category, claim.engine, scope)]
            # A verified search engine walks from page to page: that is what it is let in for.
            if verdict.category in self._settled:
                return verdict
        elif claim.browser is not None and scope["scheme"] == "https":
            # Browsers keep fetch metadata and client hints for HTTPS.
            found = signals(headers, claim.browser)
        if not found and standing.score < SLOW_SCORE:
            return verdict
        return self._added_up(verdict, found, standing)

    def _added_up(self, by_name: Verdict, found: Sequence[Signal], standing: Standing) -> Verdict:
        by_headers = sum(weight for weight, _ in found)
        score = by_headers + standing.score
        if score < SLOW_SCORE:
            return by_name
        reasons = (*(reason for _, reason in found), *standing.reasons)
        is_spoofed = by_headers >= max(standing.score, SLOW_SCORE)
        blamed = Category.SPOOFED_BROWSER if is_spoofed else Category.MISBEHAVING
        decision = Decision.REFUSE if score >= REFUSE_SCORE else Decision.SLOW
        if blamed not in self._refused:
            decision = Decision.ALLOW
        return Verdict(blamed, decision, reasons, score, by_name.category)

    def _believed(self, claimed: Category, engine: Engine | None, scope: Scope) -> Category:
        if claimed is not Category.SEARCH_ENGINE:
            return claimed
        is_one = self._search_engines.is_one(engine, context_of(scope).client)
        return Category.SEARCH_ENGINE if is_one else Category.IMPOSTOR
