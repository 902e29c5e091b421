"""The storms' parts that need no service: who sends what from where, and what it all comes to."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from benchmarks import BenchError
from benchmarks.siege import besiegers
from benchmarks.storms import accounts, address, crowd, logins, refreshes, unknown_keys
from benchmarks.storms.crowd import Answer
from benchmarks.storms.figure import STORMS, said
from benchmarks.storms.watching import LEAST_WAITS, seconds, statuses, within
from benchmarks.summary import Waits, waits_of

SHIPPED = {"login": 10, "signup": 10, "refresh": 30, "failed_logins": 10}
"""Requests that the service's limits let through from one address, or to one account."""


def answer(
    sent: float = 0, answered: float = 1, status: int = 200, body: dict[str, str] | None = None
) -> Answer:
    """Return an answer in which only what a test is about is said."""
    return Answer(sent, answered, status, body)


# --- who comes from where -------------------------------------------------------------------------


def test_logins_stay_within_the_limits_of_their_addresses_and_accounts() -> None:
    rounds = [logins.lanes(turn) for turn in range(logins.ROUNDS)]
    everyone = Counter(lane.address for lanes in rounds for lane in lanes)
    assert max(everyone.values()) <= SHIPPED["login"]
    for lanes in rounds:
        assert len(lanes) == logins.LOGINS == 200
        known = Counter(str(request.body) for lane in lanes for request in lane.requests)
        assert len(known) == logins.ACCOUNTS
        assert max(known.values()) <= SHIPPED["failed_logins"]
    assert SHIPPED["signup"] >= accounts.SIGNUPS_OF_ONE


def test_refreshes_stay_within_the_limit_of_an_address() -> None:
    assert refreshes.AT_ONCE * (refreshes.REFRESHES // refreshes.AT_ONCE) == 1000
    assert SHIPPED["refresh"] >= refreshes.REFRESHES / refreshes.AT_ONCE


def test_no_two_crowds_share_an_address() -> None:
    blocks = [accounts.BLOCK, logins.BLOCK, refreshes.BLOCK, unknown_keys.BLOCK]
    assert len(set(blocks)) == len(blocks)
    first = besiegers.address(0).split(".")[:2]
    assert all(address(block, 0).split(".")[:2] != first for block in blocks)
    assert len({address(66, number) for number in range(1000)}) == 1000
    assert address(66, 251) == "127.66.1.2"


def test_unknown_keys_come_some_at_once_and_some_each_second() -> None:
    tokens = [str(number) for number in range(unknown_keys.UNKNOWN)]
    lanes = unknown_keys.lanes(tokens)
    requests = [request for lane in lanes for request in lane.requests]
    assert sorted(str(one.token) for one in requests) == sorted(tokens)
    assert set(Counter(one.at for one in requests).values()) == {unknown_keys.AT_ONCE}


# --- what counts ----------------------------------------------------------------------------------


def test_only_what_was_due_in_the_storm_counts() -> None:
    storm = [answer(10, 12), answer(11, 15)]
    before, after = [(9.9, 1.0)], [(15.1, 2.0)]
    during = [(10 + number / 20, 3.0) for number in range(LEAST_WAITS)]
    assert within([*before, *during, *after], storm) == [3.0] * LEAST_WAITS
    assert seconds(storm) == 5
    with pytest.raises(BenchError, match=f"only {LEAST_WAITS - 1} requests"):
        within([*before, *during[1:], *after], storm)


@pytest.mark.parametrize(
    ("moments", "most"),
    [([], 0), ([0, 59.9], 2), ([0, 60], 1), ([0, 30, 61, 62, 89.9, 121], 4)],
    ids=["none", "within", "a minute apart", "the fullest"],
)
def test_the_fullest_minute_is_found_wherever_it_begins(moments: list[float], most: int) -> None:
    assert unknown_keys.most_in_a_minute(moments) == most


# --- figures --------------------------------------------------------------------------------------


def test_too_few_waits_have_no_percentiles() -> None:
    with pytest.raises(ValueError, match="too few"):
        waits_of([1.0])


def test_an_answer_that_was_not_wanted_is_an_error() -> None:
    crowd.require([answer(status=201)], 201, "a signup")
    with pytest.raises(BenchError, match=r"a signup should have .* 201, not \[429\]"):
        crowd.require([answer(status=201), answer(status=429)], 201, "a signup")


def test_only_tokens_that_differ_are_more_than_one() -> None:
    same = answer(body={"refresh_token": "a"})
    assert refreshes.next_tokens([same, same, answer(status=401, body={"title": "no"})]) == {"a"}
    assert refreshes.next_tokens([same, answer(body={"refresh_token": "b"})]) == {"a", "b"}


def test_the_figures_of_the_storms_survive_json_and_are_said() -> None:
    calm, stirred = Waits(1, 10, 300), Waits(2, 40, 240)
    refused = [answer(0, 0.25, 401), answer(0, 0.5, 401)]
    traded = [answer(0, 2, 200, {"refresh_token": "a"}), answer(0, 2, 401)]
    two = [answer(0, 2, 200, {"refresh_token": one}) for one in "ab"]
    found = {
        "logins": logins.figures(
            [{"healthz": calm, "token": calm}] * 2,
            [{"healthz": stirred, "token": calm}] * 2,
            [[answer(0, 4), answer(0, 5)], [answer(0, 4), answer(0, 6, 503)]],
        ),
        "unknown_keys": {
            manner: unknown_keys.figures([calm], [stirred], refused, [0, 1, 70])
            for manner in unknown_keys.MANNERS
        },
        "refreshes": refreshes.figures([refreshes.Trade(traded, 200), refreshes.Trade(two, None)]),
    }
    assert list(found) == list(STORMS)
    found = json.loads(json.dumps(found))
    assert found["logins"]["healthz"]["p99"]["ratio"]["median"] == 4
    assert found["logins"]["statuses"] == {"200": 3, "503": 1}
    assert found["logins"]["storm_seconds"] == {"median": 5.5, "least": 5, "most": 6}
    assert found["logins"]["visits_in_a_storm"] == 240
    assert found["unknown_keys"]["dies"]["most_fetches_in_a_minute"] == 2
    assert found["refreshes"]["most_next_tokens"] == 2
    assert found["refreshes"]["statuses_of_the_next"] == ["200", "None"]
    lines = said(found).splitlines()
    assert "p99 10.0 ms in the quiet, 2.0 and 40.0 ms during 200 logins at once" in lines[0]
    assert "at most 2 fetches in a minute (target: 5), 3 in all" in lines[3]
    assert "2 next token (target: 1)" in lines[-1]


def test_statuses_are_counted_in_order() -> None:
    assert list(statuses([answer(status=503), answer(), answer()]).items()) == [
        ("200", 2),
        ("503", 1),
    ]
