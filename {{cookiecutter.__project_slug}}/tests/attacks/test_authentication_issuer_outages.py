"""Layer 7 under attack where another issuer makes the tokens, and that issuer is the trouble.

A real one, which is led elsewhere, hangs, rotates its keys and dies.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.forgery import ME, status_with
from tests.issuer import (
    WORKERS,
    Issuer,
    good_and_bad_keys,
    jwk_of,
    key_named,
    running_issuer,
    statuses,
    trust_in,
)
from tests.stack import Stack, running_stack, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 60.0
"""Several times what a worker that has just fetched lets pass until it fetches again."""


@pytest.fixture(scope="module", autouse=True)
def orphan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Issuer]]:
    """A service whose issuer has died, and may come back. It was believed to the end.

    It is there from the first test on, so that the last one need not wait until it closes.
    """
    soon = {"AUTHENTICATION__JWKS_REFRESH_SECONDS": "15", "AUTHENTICATION__JWKS_STALE_SECONDS": "5"}
    with running_issuer(tmp_path_factory.mktemp("mortal")) as mortal:
        settings = trust_in(mortal) | soon | {"SERVER__WORKERS": "1"}
        with running_stack(tmp_path_factory.mktemp("orphan"), **settings) as one:
            mortal.die()
            assert status_with(one, mortal.token()) == 200
            yield one, mortal


@pytest.fixture(autouse=True)
def _mark(trusting: Stack) -> None:
    """Remember where the log of this service stood when a test began."""
    trusting.mark()


@pytest.fixture
def _well_again(issuer: Issuer) -> Iterator[None]:
    """The issuer behaves after the test, whatever it did in it."""
    yield
    issuer.behave("well")
    issuer.publish(*good_and_bad_keys())


def ask_for_strangers_until_fetched(stack: Stack, issuer: Issuer) -> None:
    """Show tokens of unknown keys until the issuer is asked for them."""
    before = issuer.fetches

    def is_asked() -> bool:
        status_with(stack, issuer.token(secrets.token_hex(8), key_named("nobody")))
        return issuer.fetches > before

    wait_until(is_asked, "the issuer is asked", PATIENCE_SECONDS)


@pytest.mark.usefixtures("_well_again")
def test_attack_an_issuer_that_leads_elsewhere_is_not_followed(
    trusting: Stack, issuer: Issuer, stranger: Issuer
) -> None:
    issuer.behave(f"redirect:{stranger.jwks_url}")
    ask_for_strangers_until_fetched(trusting, issuer)
    assert trusting.log_lines(event="keys_unavailable", reason="status 302")
    assert stranger.fetches == 0
    assert statuses(trusting, issuer.token("first", key_named("stranger"))) == {401}
    assert statuses(trusting, issuer.token()) == {200}


@pytest.mark.usefixtures("_well_again")
def test_attack_fifty_unknown_keys_while_the_issuer_hangs_cost_it_little_and_nobody_else(
    trusting: Stack, issuer: Issuer
) -> None:
    issuer.behave("stall")
    ask_for_strangers_until_fetched(trusting, issuer)
    before = issuer.fetches
    strangers = [issuer.token(f"stranger-{n}", key_named("nobody")) for n in range(50)]
    with ThreadPoolExecutor(50) as pool:
        refused = [pool.submit(status_with, trusting, token) for token in strangers]
        assert statuses(trusting, issuer.token(), 30) == {200}
        assert {one.result() for one in refused} == {401}
    assert issuer.fetches - before < WORKERS  # the one that had not asked yet


@pytest.mark.usefixtures("_well_again")
def test_attack_a_key_that_was_withdrawn_opens_nothing_any_more(
    trusting: Stack, issuer: Issuer
) -> None:
    """Also not what was verified by it a moment ago, and is remembered so."""
    token = issuer.token("new")
    issuer.publish(*good_and_bad_keys(), jwk_of("new", key_named("new")))
    wait_until(lambda: statuses(trusting, token) == {200}, "the new key counts", PATIENCE_SECONDS)
    assert statuses(trusting, issuer.token("first")) == {200}
    issuer.publish(*good_and_bad_keys())

    def is_gone() -> bool:
        status_with(trusting, issuer.token(secrets.token_hex(8), key_named("nobody")))
        return statuses(trusting, token) == {401}

    wait_until(is_gone, "the key is withdrawn", PATIENCE_SECONDS)
    assert statuses(trusting, issuer.token("first")) == {200}


def answers(stack: Stack, token: str) -> set[int]:
    headers = {"Authorization": f"Bearer {token}"}
    return {stack.client().get(ME, headers=headers).status_code for _ in range(3)}


def test_attack_a_dead_issuer_is_believed_for_the_stated_time_and_no_longer(
    orphan: tuple[Stack, Issuer],
) -> None:
    stack, issuer = orphan
    token = issuer.token()
    wait_until(lambda: answers(stack, token) == {503}, "nobody is let in", PATIENCE_SECONDS)
    assert stack.log_lines(event="keys_unavailable", reason="the last keys are too old")
    client = stack.client()
    wait_until(lambda: client.get("/readyz").status_code == 503, "it says so")
    assert client.get("/healthz").status_code == 200
    assert client.get(ME).status_code == 401
    issuer.start()
    wait_until(lambda: answers(stack, token) == {200}, "it is believed again", PATIENCE_SECONDS)
    assert stack.log_lines(event="keys_restored")
