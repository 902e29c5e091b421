"""Who is refused for not being the browser that it says it is."""

from __future__ import annotations

import pytest

from app.layers.bots import Category, Decision
from app.layers.bots.local.behaviour import CLEAN, Standing
from tests.layers.bots import from_browser, sighting
from tests.layers.test_bots_judge import JUDGE, judge_for
from tests.layers.test_bots_user_agents import CHROMIUM, CURRENT, FIREFOX, OTHERS

CHROME = CHROMIUM[0]
ODDITIES = {
    "sec-fetch-mode": None,
    "accept-language": None,
    "accept": None,
    "sec-ch-ua": None,
    "x-tls-grease": "0",
}
"""What speaks against a browser of Chromium's family, though not alone."""


@pytest.mark.parametrize("user_agent", CURRENT)
@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "none"])
def test_a_current_browser_is_believed_by_what_it_sends(user_agent: str, site: str) -> None:
    assert JUDGE.judge(from_browser(user_agent, sec_fetch_site=site)) == (None, "allow", (), 0)


@pytest.mark.parametrize("user_agent", CURRENT)
def test_who_claims_to_be_one_without_fetch_metadata_is_refused(user_agent: str) -> None:
    verdict = JUDGE.judge(from_browser(user_agent, sec_fetch_site=None))
    assert verdict[:3] == (Category.SPOOFED_BROWSER, Decision.REFUSE, ("no Sec-Fetch-Site",))


@pytest.mark.parametrize("site", ["", "same", "SAME-ORIGIN", "same-origin, none", "*"])
def test_who_sends_fetch_metadata_that_no_browser_sends_is_refused(site: str) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, sec_fetch_site=site))
    assert verdict[:2] == (Category.SPOOFED_BROWSER, Decision.REFUSE)


@pytest.mark.parametrize("user_agent", OTHERS)
def test_other_browsers_and_clients_are_believed_without_all_that(user_agent: str) -> None:
    assert JUDGE.judge(sighting(user_agent, x_tls_grease="0")) == (None, "allow", (), 0)


def test_browsers_keep_those_headers_for_https() -> None:
    assert JUDGE.judge(sighting(CHROME, scheme="http")) == (None, "allow", (), 0)


@pytest.mark.parametrize("oddity", ODDITIES)
def test_one_oddity_has_honest_causes(oddity: str) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, **{oddity: ODDITIES[oddity]}))
    assert verdict.decision is Decision.ALLOW


@pytest.mark.parametrize("second", [name for name in ODDITIES if name != "x-tls-grease"])
def test_two_oddities_are_slowed(second: str) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, **{"x-tls-grease": "0", second: None}))
    assert verdict[:2] == (Category.SPOOFED_BROWSER, Decision.SLOW)
    assert "no GREASE in the TLS handshake" in verdict.reasons
    assert len(verdict.reasons) == 2


@pytest.mark.parametrize("kept", ODDITIES)
def test_more_of_them_are_refused(kept: str) -> None:
    odd = {name: value for name, value in ODDITIES.items() if name != kept}
    verdict = JUDGE.judge(from_browser(CHROME, **odd))
    assert verdict[:2] == (Category.SPOOFED_BROWSER, Decision.REFUSE)
    assert len(verdict.reasons) == 4


@pytest.mark.parametrize("user_agent", FIREFOX)
def test_what_only_chromium_has_is_asked_of_chromium_only(user_agent: str) -> None:
    verdict = JUDGE.judge(from_browser(user_agent, sec_ch_ua=None, x_tls_grease="0"))
    assert verdict == (None, "allow", (), 0)


@pytest.mark.parametrize("said", [None, "", "2", "1, 0"])
def test_without_word_of_the_handshake_it_counts_for_nothing(said: str | None) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, x_tls_grease=said, sec_ch_ua=None))
    assert verdict == (None, "allow", (), 0)


def test_a_word_of_the_handshake_that_comes_twice_counts_for_nothing() -> None:
    seen = from_browser(CHROME, sec_ch_ua=None)
    fields = [*seen.headers.fields, (b"x-tls-grease", b"0")]
    twice = seen._replace(headers=type(seen.headers)(fields))
    assert JUDGE.judge(twice).decision is Decision.ALLOW


def test_behaviour_adds_to_what_the_headers_say() -> None:
    odd = from_browser(CHROME, sec_ch_ua=None)
    assert JUDGE.judge(odd, CLEAN).decision is Decision.ALLOW
    verdict = JUDGE.judge(odd, Standing(20, ("missing-paths",)))
    assert verdict == ("misbehaving", "slow", ("no Sec-CH-UA", "missing-paths"), 60)
    verdict = JUDGE.judge(odd, Standing(60, ("missing-paths",)))
    assert verdict == ("misbehaving", "refuse", ("no Sec-CH-UA", "missing-paths"), 100)


@pytest.mark.parametrize(
    ("score", "decision"), [(49, "allow"), (50, "slow"), (99, "slow"), (100, "refuse")]
)
@pytest.mark.parametrize("user_agent", ["OurApp/4.2", "curl/8.14.1", "kube-probe/1.34"])
def test_behaviour_alone_is_enough_whatever_the_name(
    user_agent: str, score: int, decision: str
) -> None:
    verdict = JUDGE.judge(sighting(user_agent), Standing(score, ("identifiers",)))
    assert verdict.decision == decision
    if score >= 50:
        assert verdict[2:] == (("identifiers",), score)
        assert verdict.category is Category.MISBEHAVING


def test_a_search_engine_may_walk_from_page_to_page() -> None:
    seen = sighting("Googlebot/2.1", client="66.249.66.1")
    verdict = JUDGE.judge(seen, Standing(400, ("identifiers",)))
    assert verdict[:2] == (Category.SEARCH_ENGINE, Decision.ALLOW)


def test_behaviour_is_a_category_of_the_policy_too() -> None:
    judge = judge_for(refuse="ai-crawler")
    verdict = judge.judge(sighting("OurApp/4.2"), Standing(400, ("honeypot",)))
    assert verdict == (Category.MISBEHAVING, Decision.ALLOW, ("honeypot",), 400)
