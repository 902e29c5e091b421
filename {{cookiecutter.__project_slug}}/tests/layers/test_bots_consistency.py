"""Who is refused for not being the browser that it says it is."""

from __future__ import annotations

import pytest

from app.layers.bots import Category, Decision
from app.layers.bots.local.behaviour import CLEAN, Standing
from app.layers.bots.provider import CLEAR
from tests.layers.bots import from_browser, scope_of
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
def test_twin_a_current_browser_is_believed_by_what_it_sends(user_agent: str, site: str) -> None:
    assert JUDGE.judge(from_browser(user_agent, sec_fetch_site=site)) == CLEAR


@pytest.mark.parametrize("user_agent", CURRENT)
def test_attack_a_browsers_name_without_fetch_metadata_is_refused(user_agent: str) -> None:
    verdict = JUDGE.judge(from_browser(user_agent, sec_fetch_site=None))
    assert verdict[:3] == (Category.SPOOFED_BROWSER, Decision.REFUSE, ("no Sec-Fetch-Site",))


@pytest.mark.parametrize("site", ["", "same", "SAME-ORIGIN", "same-origin, none", "*"])
def test_attack_fetch_metadata_that_no_browser_sends_is_refused(site: str) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, sec_fetch_site=site))
    assert verdict[:2] == (Category.SPOOFED_BROWSER, Decision.REFUSE)


@pytest.mark.parametrize("user_agent", OTHERS)
def test_twin_other_browsers_and_clients_are_believed_without_all_that(user_agent: str) -> None:
    assert JUDGE.judge(scope_of(user_agent, x_tls_grease="0")) == CLEAR


def test_browsers_keep_those_headers_for_https() -> None:
    assert JUDGE.judge(scope_of(CHROME, scheme="http")) == CLEAR


@pytest.mark.parametrize("oddity", ODDITIES)
def test_twin_one_oddity_has_honest_causes(oddity: str) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, **{oddity: ODDITIES[oddity]}))
    assert verdict.decision is Decision.ALLOW


@pytest.mark.parametrize("second", [name for name in ODDITIES if name != "x-tls-grease"])
def test_attack_two_oddities_are_slowed(second: str) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, **{"x-tls-grease": "0", second: None}))
    assert verdict[:2] == (Category.SPOOFED_BROWSER, Decision.SLOW)
    assert "no GREASE in the TLS handshake" in verdict.reasons
    assert len(verdict.reasons) == 2


@pytest.mark.parametrize("kept", ODDITIES)
def test_attack_more_of_them_are_refused(kept: str) -> None:
    odd = {name: value for name, value in ODDITIES.items() if name != kept}
    verdict = JUDGE.judge(from_browser(CHROME, **odd))
    assert verdict[:2] == (Category.SPOOFED_BROWSER, Decision.REFUSE)
    assert len(verdict.reasons) == 4


@pytest.mark.parametrize("user_agent", FIREFOX)
def test_twin_what_only_chromium_has_is_asked_of_chromium_only(user_agent: str) -> None:
    verdict = JUDGE.judge(from_browser(user_agent, sec_ch_ua=None, x_tls_grease="0"))
    assert verdict == CLEAR


@pytest.mark.parametrize("said", [None, "", "2", "1, 0"])
def test_twin_without_word_of_the_handshake_it_counts_for_nothing(said: str | None) -> None:
    verdict = JUDGE.judge(from_browser(CHROME, x_tls_grease=said, sec_ch_ua=None))
    assert verdict == CLEAR


def test_a_word_of_the_handshake_that_comes_twice_counts_for_nothing() -> None:
    seen = from_browser(CHROME, sec_ch_ua=None)
    seen["headers"].append((b"x-tls-grease", b"0"))
    assert JUDGE.judge(seen).decision is Decision.ALLOW


def test_behaviour_adds_to_what_the_headers_say() -> None:
    odd = from_browser(CHROME, sec_ch_ua=None)
    assert JUDGE.judge(odd, CLEAN).decision is Decision.ALLOW
    verdict = JUDGE.judge(odd, Standing(20, ("missing-paths",)))
    assert verdict[:4] == ("misbehaving", "slow", ("no Sec-CH-UA", "missing-paths"), 60)
    verdict = JUDGE.judge(odd, Standing(60, ("missing-paths",)))
    assert verdict[:4] == ("misbehaving", "refuse", ("no Sec-CH-UA", "missing-paths"), 100)


@pytest.mark.parametrize(
    ("score", "decision"), [(49, "allow"), (50, "slow"), (99, "slow"), (100, "refuse")]
)
@pytest.mark.parametrize("user_agent", ["OurApp/4.2", "curl/8.14.1", "kube-probe/1.34"])
def test_behaviour_alone_is_enough_whatever_the_name(
    user_agent: str, score: int, decision: str
) -> None:
    verdict = JUDGE.judge(scope_of(user_agent), Standing(score, ("identifiers",)))
    assert verdict.decision == decision
    if score >= 50:
        assert verdict[2:4] == (("identifiers",), score)
        assert verdict.category is Category.MISBEHAVING


def test_twin_a_search_engine_may_walk_from_page_to_page() -> None:
    seen = scope_of("Googlebot/2.1", client="66.249.66.1")
    verdict = JUDGE.judge(seen, Standing(400, ("identifiers",)))
    assert verdict[:2] == (Category.SEARCH_ENGINE, Decision.ALLOW)


def test_behaviour_is_a_category_of_the_policy_too() -> None:
    judge = judge_for(refuse="ai-crawler")
    verdict = judge.judge(scope_of("OurApp/4.2"), Standing(400, ("honeypot",)))
    assert verdict[:4] == (Category.MISBEHAVING, Decision.ALLOW, ("honeypot",), 400)


def test_attack_a_name_that_is_only_monitored_is_no_pass_for_what_is_not() -> None:
    judge = judge_for(monitor="seo")
    verdict = judge.judge(scope_of("AhrefsBot/7.0"), Standing(100, ("honeypot",)))
    assert verdict[:3] == (Category.MISBEHAVING, Decision.REFUSE, ("honeypot",))
    assert verdict.name is Category.SEO


def test_twin_a_name_that_is_only_monitored_is_still_told_of() -> None:
    verdict = judge_for(monitor="seo").judge(scope_of("AhrefsBot/7.0"))
    assert verdict[:2] == (Category.SEO, Decision.REFUSE)
