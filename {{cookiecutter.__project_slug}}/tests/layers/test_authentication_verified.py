"""Layer 7, tokens that were verified a moment ago: what is remembered, and what ends it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.layers.authentication import InvalidTokenError, PublicKey
from app.layers.authentication.claims import Claims
from app.layers.authentication.verified import MAX_SECONDS, MAX_TOKENS, VerifiedTokens
from tests.tokens import (
    RING,
    SESSION,
    USER,
    believed,
    claims,
    compact,
    signed,
    verifier_with,
)

PROPERTY = settings(deadline=None, max_examples=100, database=None, derandomize=True)
ISSUED = 2_000_000_000
GOOD = Claims(USER, SESSION, "1", frozenset(), ISSUED, ISSUED, ISSUED + 600, str(USER))
SKEW = 5


class Clock:
    """Both clocks: the time of day, and the seconds that only grow."""

    def __init__(self) -> None:
        self.day = float(ISSUED)
        self.ticks = 0.0

    def pass_by(self, seconds: float) -> None:
        """Let time pass, on both."""
        self.day += seconds
        self.ticks += seconds


def memory(clock: Clock, *tokens: str, claims: Claims = GOOD) -> VerifiedTokens:
    """Return a memory of these tokens, all of which say the same."""
    made = VerifiedTokens(SKEW, lambda: clock.day, lambda: clock.ticks)
    assert made.recall("none", 0) is None
    for token in tokens:
        made.remember(token, claims, 0)
    return made


def test_a_token_is_remembered_as_it_was_read() -> None:
    known = memory(Clock(), "a")
    assert known.recall("a", 0) is GOOD
    assert known.recall("b", 0) is None
    assert known.recall("A", 0) is None
    assert known.recall("", 0) is None


def test_it_is_remembered_for_a_minute_and_no_longer() -> None:
    """Even when it was asked for all the time."""
    clock = Clock()
    known = memory(clock, "a")
    for _ in range(6):
        assert known.recall("a", 0) is GOOD
        clock.pass_by(MAX_SECONDS / 6)
    assert MAX_SECONDS <= 60
    assert known.recall("a", 0) is None
    assert len(known) == 0


@pytest.mark.parametrize(
    ("expires", "passed", "is_known"),
    [(20, 20 + SKEW - 0.1, True), (20, 20 + SKEW, False), (20, 30, False), (50, 54, True)],
)
def test_its_end_is_looked_at_each_time(expires: int, passed: float, *, is_known: bool) -> None:
    """CVE-2026-107719: a memory that did not."""
    clock = Clock()
    known = memory(clock, "a", claims=replace(GOOD, expires_at=ISSUED + expires))
    clock.pass_by(passed)
    assert (known.recall("a", 0) is not None) is is_known


def test_its_beginning_is_looked_at_each_time() -> None:
    """A clock that was wrong when it was verified may be right now."""
    clock = Clock()
    known = memory(clock, "a", claims=replace(GOOD, not_before=ISSUED))
    clock.day = ISSUED - SKEW
    assert known.recall("a", 0) is not None
    clock.day = ISSUED - SKEW - 1
    assert known.recall("a", 0) is None


def test_a_clock_that_is_set_back_gives_no_longer_memory() -> None:
    clock = Clock()
    known = memory(clock, "a")
    clock.pass_by(MAX_SECONDS)
    clock.day = ISSUED
    assert known.recall("a", 0) is None


def test_all_is_forgotten_when_a_key_may_have_gone() -> None:
    known = memory(Clock(), "a", "b")
    assert known.recall("c", 1) is None
    assert len(known) == 0
    assert known.recall("a", 1) is None
    assert known.recall("b", 0) is None


def test_what_was_verified_with_keys_that_changed_meanwhile_is_not_remembered() -> None:
    """The key was found, then it went, then the token was found good."""
    known = memory(Clock())
    known.recall("a", 1)
    known.remember("a", GOOD, 0)
    assert known.recall("a", 1) is None
    known.remember("a", GOOD, 1)
    assert known.recall("a", 1) is GOOD


def test_nothing_is_remembered_of_keys_that_nobody_asked_about() -> None:
    known = VerifiedTokens(SKEW)
    known.remember("a", GOOD, 0)
    assert len(known) == 0


def test_it_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.layers.authentication.verified.MAX_TOKENS", 3)
    known = memory(Clock(), "a", "b", "c")
    known.remember("a", GOOD, 0)  # known already: it takes no other's place, and is the youngest
    assert len(known) == 3
    known.remember("d", GOOD, 0)
    assert [token for token in "abcd" if known.recall(token, 0)] == ["a", "c", "d"]
    assert len(known) == 3
    assert MAX_TOKENS == 10_000


def test_only_digests_are_kept() -> None:
    token = signed()
    known = memory(Clock(), token)
    kept = known._known  # noqa: SLF001 - what is in memory is the question
    assert [len(key) for key in kept] == [32]
    assert token not in repr(kept)


@pytest.mark.parametrize("token", ["\ud800", "?", "\xff", "\0", ""], ids=range(5))
def test_whatever_a_header_brings_is_only_not_known(token: str) -> None:
    known = memory(Clock(), "a", "?x")
    assert known.recall(token, 0) is None


@PROPERTY
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 40), st.integers(0, 1))))
def test_nothing_is_ever_remembered_past_its_time_or_its_keys(
    steps: list[tuple[str, int, int]],
) -> None:
    """Against the rule itself, said once more and more simply."""
    clock = Clock()
    known = memory(clock)
    rule: dict[str, float] = {}
    version = 0
    for token, passed, turn in steps:
        clock.pass_by(passed)
        version += turn
        if turn:
            rule.clear()
        seen = known.recall(token, version)
        if seen is not None:
            assert clock.ticks < rule[token] + MAX_SECONDS
            assert clock.day < GOOD.expires_at + SKEW
        else:
            known.remember(token, GOOD, version)
            rule[token] = clock.ticks


def test_a_verifier_remembers_what_it_believed() -> None:
    verifier, token = verifier_with(), signed()
    assert verifier.remembered(token) is None
    found = believed(token, verifier)
    assert verifier.remembered(token) is found
    assert verifier_with().remembered(token) is None


class Changing:
    """Keys that change while one of them is looked for, and another request sees it."""

    version, is_open = 0, True

    def __init__(self) -> None:
        self.verifier = verifier_with(self)

    async def find(self, kid: str) -> PublicKey | None:
        found = await RING.find(kid)
        self.version += 1
        assert self.verifier.remembered("another") is None
        return found


def test_a_verifier_remembers_nothing_when_the_keys_changed_meanwhile() -> None:
    """The key that verified it may be the one that has gone."""
    verifier, token = Changing().verifier, signed()
    assert verifier.remembered(token) is None
    assert believed(token, verifier).user_id == USER
    assert verifier.remembered(token) is None


@pytest.mark.parametrize(
    "changes",
    [{"aud": "other"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": "root"}, {"sid": "x"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_verifier_remembers_nothing_that_it_refused(changes: dict[str, Any]) -> None:
    verifier, token = verifier_with(), signed(**changes)
    for _ in range(2):
        assert verifier.remembered(token) is None
        with pytest.raises(InvalidTokenError):
            believed(token, verifier)


def test_a_token_that_only_begins_or_ends_as_a_remembered_one_is_not_known() -> None:
    verifier, token = verifier_with(), signed()
    verifier.remembered(token)
    believed(token, verifier)
    head, body, sign = token.split(".")
    other = compact(payload=claims(sub=str(uuid.uuid4())), key=RING.signer().private)
    for forged in (
        f"{head}.{other.split('.')[1]}.{sign}",
        f"{head}.{body}.{'A' * len(sign)}",
        f"{head}.{body}.",
        f"{token}=",
        f"{token} ",
    ):
        assert verifier.remembered(forged) is None
        with pytest.raises(InvalidTokenError):
            believed(forged, verifier)
    assert verifier.remembered(token) is not None
