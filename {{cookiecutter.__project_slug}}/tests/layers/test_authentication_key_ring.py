"""Layer 7, several keys of our own: what the clock makes of them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.keys.service import key_text, make_key
from app.layers.authentication import (
    AccessTokens,
    InvalidTokenError,
    KeyRing,
    TokenVerifier,
)
from app.layers.authentication.key_ring import open_key_ring
from app.layers.authentication.keys import WeakKeyError, load_signing_keys, thumbprint
from tests.tokens import (
    SESSION,
    USER,
    believed,
    compact,
    header,
    settings_with,
)

if TYPE_CHECKING:
    from app.layers.authentication import PublicKey

PROPERTY = settings(deadline=None, max_examples=50, database=None, derandomize=True)
START = 2_000_000_000
"""When the second key of a ring begins to sign; the third does an hour later."""
LIFE = 605
CURVES = [make_key("ES256") for _ in range(3)]
"""Keys of a curve take no time to make, and what the clock does is the same for each kind."""


class Clock:
    """The seconds since the epoch, as the test has them."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return them."""
        return self.now


def ring_of_three(clock: Clock) -> KeyRing:
    moments = (float("-inf"), START, START + 3_600)
    text = "".join(key_text(key, moment) for key, moment in zip(CURVES, moments, strict=True))
    return KeyRing(load_signing_keys(text, "ES256"), LIFE, clock)


KIDS = [thumbprint(key.public_key()) for key in CURVES]
FIRST = key_text(CURVES[0], float("-inf"))


def found(ring: KeyRing, kid: str) -> PublicKey | None:
    return asyncio.run(ring.find(kid))


@pytest.mark.parametrize(
    ("now", "signer", "published", "version"),
    [
        (0, 0, [0, 1, 2], 0),
        (START - 1, 0, [0, 1, 2], 0),
        (START, 1, [0, 1, 2], 0),
        (START + LIFE - 1, 1, [0, 1, 2], 0),
        (START + LIFE, 1, [1, 2], 1),
        (START + 3_599, 1, [1, 2], 1),
        (START + 3_600, 2, [1, 2], 1),
        (START + 3_600 + LIFE - 1, 2, [1, 2], 1),
        (START + 3_600 + LIFE, 2, [2], 2),
        (START + 10**9, 2, [2], 2),
    ],
)
def test_the_clock_says_which_key_signs_and_which_are_published(
    now: int, signer: int, published: list[int], version: int
) -> None:
    ring = ring_of_three(Clock(now))
    assert ring.signer().kid == KIDS[signer]
    assert [jwk["kid"] for jwk in ring.published] == [KIDS[number] for number in published]
    assert ring.version == version
    verifying = [number for number, kid in enumerate(KIDS) if found(ring, kid) is not None]
    assert verifying == published


@PROPERTY
@given(st.integers(0, 2 * START), st.integers(0, LIFE))
def test_whatever_a_key_signed_it_verifies_until_its_tokens_end(now: int, later: int) -> None:
    clock = Clock(now)
    ring = ring_of_three(clock)
    kid = ring.signer().kid
    clock.now = now + min(later, LIFE - 1)
    assert found(ring, kid) is not None


@PROPERTY
@given(st.integers(0, 2 * START))
def test_what_signs_next_is_published_before_it_signs(now: int) -> None:
    ring = ring_of_three(Clock(now))
    last = ring.published[-1]["kid"]
    assert last == KIDS[2]
    assert found(ring, ring.signer().kid) is not None
    assert ring.signer(now + 3_600).kid in {jwk["kid"] for jwk in ring.published}


def test_a_key_is_asked_for_by_the_moment_at_which_it_signed() -> None:
    ring = ring_of_three(Clock(START + 7_200))
    assert ring.signer(START - 1).kid == KIDS[0]
    assert ring.signer(START).kid == KIDS[1]
    assert ring.signer().kid == KIDS[2]


def test_a_clock_that_is_set_back_finds_the_key_that_signed_then() -> None:
    clock = Clock(START + LIFE)
    ring = ring_of_three(clock)
    assert found(ring, KIDS[0]) is None
    clock.now = START - 5
    assert ring.signer().kid == KIDS[0]
    assert found(ring, KIDS[0]) is not None


def test_a_token_lives_through_a_rotation_and_ends_with_its_key() -> None:
    """A verifier that believed the first key's token forgets it when that key retires."""
    clock = Clock(START - 1)
    ring = ring_of_three(clock)
    chosen = settings_with(algorithm="ES256")
    tokens, verifier = AccessTokens(chosen, ring), TokenVerifier(chosen, ring)
    first = tokens.issue(USER, SESSION, ())
    assert verifier.remembered(first) is None
    assert believed(first, verifier).user_id == USER
    clock.now = START
    second = tokens.issue(USER, SESSION, ())
    assert jwt.get_unverified_header(second)["kid"] == KIDS[1]
    verifier.remembered(second)
    assert believed(second, verifier).user_id == believed(first, verifier).user_id == USER
    assert verifier.remembered(first) is not None
    clock.now = START + LIFE
    assert verifier.remembered(first) is None
    with pytest.raises(InvalidTokenError, match="no such key"):
        believed(first, verifier)
    assert believed(second, verifier).user_id == USER


def test_a_token_that_names_another_of_our_keys_is_refused() -> None:
    ring = ring_of_three(Clock(0))
    chosen = settings_with(algorithm="ES256")
    verifier = TokenVerifier(chosen, ring)
    forged = compact(header(alg="ES256", kid=KIDS[1]), algorithm="ES256", key=CURVES[0])
    with pytest.raises(InvalidTokenError, match="InvalidSignatureError"):
        believed(forged, verifier)
    honest = compact(header(alg="ES256", kid=KIDS[0]), algorithm="ES256", key=CURVES[0])
    assert believed(honest, verifier).user_id == USER


def test_a_ring_in_which_nothing_signs_yet_stops_the_start() -> None:
    keys = load_signing_keys(key_text(CURVES[0], START), "ES256")
    with pytest.raises(WeakKeyError, match="no signing key signs yet"):
        KeyRing(keys, LIFE, Clock(START - 1))
    assert KeyRing(keys, LIFE, Clock(START)).signer().kid == KIDS[0]


def test_a_key_verifies_for_as_long_as_the_settings_let_its_tokens_live() -> None:
    chosen = settings_with(
        algorithm="ES256",
        private_key=SecretStr(FIRST + key_text(CURVES[1], 1_000_000_000)),
        access_token_seconds=30,
        clock_skew_seconds=7,
    )
    assert open_key_ring(chosen).version == 1
    recent = SecretStr(FIRST + key_text(CURVES[1], int(time.time()) - 600))
    longer = {"private_key": recent, "access_token_seconds": 3_600}
    assert open_key_ring(chosen.model_copy(update=longer)).version == 0
    just = SecretStr(FIRST + key_text(CURVES[1], int(time.time()) - 60))
    skewed = {"private_key": just, "clock_skew_seconds": 60}
    assert open_key_ring(chosen.model_copy(update=skewed)).version == 0
    ring = KeyRing(
        load_signing_keys(FIRST + key_text(CURVES[1], START), "ES256"), 37, Clock(START + 36)
    )
    assert (ring.version, len(ring.published)) == (0, 2)
