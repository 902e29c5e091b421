"""Judges by asking Arcjet."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from arcjet import Arcjet, arcjet, is_spoofed_bot
from arcjet._cache import DecisionCache
from arcjet._context import RequestContext
from arcjet._local import evaluate_bot_locally
from typing_extensions import override

from app.layers.bots.arcjet.rules import AI, AUTOMATED, denying, rules
from app.layers.bots.categories import Category
from app.layers.bots.local import UserAgents
from app.layers.bots.provider import CLEAR, Decision, Provider, Verdict
from app.layers.logs import Event, log_event
from app.request_context import context_of
from app.request_headers import headers_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from arcjet import Decision as ArcjetDecision
    from starlette.types import Scope

    from app.layers.bots.settings import BotsSettings

RETRY_SECONDS = 1.0
"""For so long nothing is asked after a failure: not every request has to wait for a dead service.
"""
TOLD = (b"host", b"user-agent", b"accept", b"accept-language", b"accept-encoding")
"""The headers that Arcjet is told. Not those that are secrets, and not where a client came from."""
_MALFORMED = Verdict(Category.MALFORMED, Decision.REFUSE)


class _NoMemory(DecisionCache):
    """Remembers nothing.

    The SDK keeps a denial for a minute by address alone, so that one crawler behind an office's
    address would shut out the office; and it never lets go of one that is not asked for again.
    """

    @override
    def set(self, key: str, decision: ArcjetDecision, ttl_seconds: float) -> None:
        del key, decision, ttl_seconds


def _client(settings: BotsSettings, denied: tuple[str, ...]) -> Arcjet:
    key = settings.arcjet_key.get_secret_value() if settings.arcjet_key is not None else ""
    client = arcjet(
        key=key,
        rules=rules(denied),
        timeout_ms=max(1, int(settings.arcjet_timeout * 1000)),
        fail_open=False,  # it raises; what becomes of the request is decided here
        disable_automatic_ip_detection=True,
        environment="production",
    )
    return replace(client, _cache=_NoMemory())


class ArcjetProvider(Provider):
    """Asks Arcjet, in its time.

    Args:
        settings: the key, the time and what to do when there is no answer.
        clock: monotonic seconds.
    """

    def __init__(self, settings: BotsSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.behaviour = None
        self._timeout = settings.arcjet_timeout
        self._clock = clock
        self._user_agents = UserAgents()
        self._refused = frozenset(settings.refuse)
        self._libraries = frozenset(settings.authenticated)
        self._strict = _client(settings, (*AI, *AUTOMATED))
        self._for_libraries = _client(settings, AI)
        refuses = settings.arcjet_on_error == "refuse"
        decision = Decision.REFUSE if refuses else Decision.ALLOW
        self._unanswered = Verdict(None, decision, ("no answer from Arcjet",))
        self._silent_until = float("-inf")
        self._is_down = False

    @override
    async def judge(self, scope: Scope) -> Verdict:
        user_agents = headers_of(scope).values(b"user-agent")
        if len(user_agents) > 1:
            return _MALFORMED  # Arcjet would be told one of them
        category = self._user_agents.claim(user_agents[0] if user_agents else b"").category
        if category in self._refused:  # by its own word; nobody needs to be asked
            return Verdict(category, Decision.REFUSE)
        if self._clock() < self._silent_until:
            return self._unanswered
        is_library = category in self._libraries
        client = self._for_libraries if is_library else self._strict
        try:
            async with asyncio.timeout(self._timeout):
                told = _told(scope)
                decision = await client.protect(told, requested=1, ip_src=told.ip)
        except Exception as error:  # noqa: BLE001 - whatever ails Arcjet or its SDK is no 500 of ours
            self._fail(type(error).__name__)
            return self._unanswered
        if decision.is_error():
            self._fail("an answer without a decision")
            return self._unanswered
        self._recover()
        return _verdict(decision, category, is_library=is_library)

    @override
    def saw(self, scope: Scope, status: int) -> None:
        """Do nothing: Arcjet counts by itself."""

    def _fail(self, reason: str) -> None:
        self._silent_until = self._clock() + RETRY_SECONDS
        if not self._is_down:  # one event for an outage, not one for each request
            log_event(Event.BOTS_DEGRADED, reason=reason)
        self._is_down = True

    def _recover(self) -> None:
        if self._is_down:
            log_event(Event.BOTS_RESTORED)
        self._is_down = False


def _told(scope: Scope) -> RequestContext:
    """Return what Arcjet is told of a request."""
    sent = headers_of(scope)
    headers = {
        name.decode("ascii"): value.decode("latin-1")
        for name in TOLD
        for value in sent.values(name)
    }
    return RequestContext(
        ip=context_of(scope).client,
        method=scope["method"],
        protocol=scope["scheme"],
        host=headers.get("host"),
        path=scope["path"],
        headers=headers,
    )


def _verdict(decision: ArcjetDecision, category: Category | None, *, is_library: bool) -> Verdict:
    if any(map(is_spoofed_bot, decision.results)):
        return Verdict(Category.IMPOSTOR, Decision.REFUSE, ("Arcjet: spoofed",))
    if decision.is_allowed():
        # Where a library may go without a token is the policy's business.
        return Verdict(category, Decision.ALLOW) if is_library else CLEAR
    why = decision.reason_v2
    reasons = ("Arcjet", why.type, *getattr(why, "denied", ()))
    is_bot = why.type == "BOT"
    return Verdict((category if is_bot else None) or Category.MISBEHAVING, Decision.REFUSE, reasons)


@asynccontextmanager
async def open_arcjet(settings: BotsSettings) -> AsyncIterator[ArcjetProvider]:
    """Give the provider for the life of the application."""
    # Its rules that run here are compiled once, which takes seconds of a core (measured: 3) and, at
    # the first request, would hold up all others: no timeout ends what does not give way.
    nobody = RequestContext(ip="127.0.0.1", headers={"user-agent": "nobody"})
    await run_sync(evaluate_bot_locally, nobody, denying(AI))
    # Of a failure it writes a line for each request; `_fail` writes one.
    logging.getLogger("arcjet").setLevel(logging.CRITICAL)
    # Nothing is closed: its connections are the process's, and its own `aclose` awaits nothing.
    yield ArcjetProvider(settings)
