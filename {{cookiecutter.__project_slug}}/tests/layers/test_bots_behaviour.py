"""What clients do, and what it comes to. Without Redis: one worker by itself."""

from __future__ import annotations

import random
import uuid
from math import inf
from typing import TYPE_CHECKING

import pytest

from app.layers.bots import Decision
from app.layers.bots.local import behaviour as behaviour_package
from app.layers.bots.local.behaviour import (
    CLEAN,
    Behaviour,
    Seen,
    Signal,
    Standing,
    client_of,
    seen_of,
)
from app.layers.bots.local.behaviour.signals import FAST, SLOW
from tests.layers.behaviour import ANN, BOB, by_itself, fail_logins, found, missing, send
from tests.layers.bots import scope_of

if TYPE_CHECKING:
    from tests.layers.conftest import Clock

MINUTE = 60
HONEYPOTS = [
    "/wp-login.php",
    "/blog/wp-login.php",
    "/wp-admin/",
    "/xmlrpc.php",
    "/.env",
    "/api/.env.production",
    "/.ENV",
    "/.git/config",
    "/.git/HEAD",
    "/.aws/credentials",
    "/.ssh/id_rsa",
    "/phpmyadmin/index.php",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/actuator/env",
    "/cgi-bin/luci",
    "/backup.sql",
    "/server-status",
    "/web.config",
]
NO_HONEYPOTS = [
    "/",
    "/environment",
    "/.envelope",
    "/api/v1/nothing",
    "/wp",
    "/git/config",
    "/administration",
    "/favicon.ico",
    "/robots.txt",
    "/.well-known/change-password",
    "/backup",
    "/api/v1/cgi-binary",
]


@pytest.fixture
def behaviour(clock: Clock) -> Behaviour:
    return by_itself(clock)


def test_who_did_nothing_stands_clean(behaviour: Behaviour) -> None:
    assert behaviour.standing(ANN) is CLEAN
    assert CLEAN.decision is Decision.ALLOW


def test_a_busy_client_stands_clean(behaviour: Behaviour) -> None:
    send(behaviour, [found("/api/v1/notes")] * 5000)
    assert behaviour.standing(ANN) is CLEAN


@pytest.mark.parametrize("path", HONEYPOTS)
def test_one_request_for_a_honeypot_is_enough(behaviour: Behaviour, path: str) -> None:
    behaviour.saw(ANN, missing(path))
    assert behaviour.standing(ANN).decision is Decision.REFUSE
    assert behaviour.standing(ANN).reasons == ("honeypot",)
    assert behaviour.standing(BOB) is CLEAN


@pytest.mark.parametrize("path", NO_HONEYPOTS)
def test_what_an_honest_client_may_miss_is_no_honeypot(behaviour: Behaviour, path: str) -> None:
    behaviour.saw(ANN, missing(path))
    assert behaviour.standing(ANN) == CLEAN


def test_a_route_of_that_name_is_no_honeypot(behaviour: Behaviour) -> None:
    behaviour.saw(ANN, found("/server-status"))
    behaviour.saw(ANN, Seen("/files/.env", 404, is_routed=True))
    assert behaviour.standing(ANN) == CLEAN


def test_a_refusal_ends_by_itself(behaviour: Behaviour, clock: Clock) -> None:
    behaviour.saw(ANN, missing("/.env"))
    clock.now += 15 * MINUTE
    assert behaviour.standing(ANN).decision is Decision.REFUSE
    clock.now += 7 * MINUTE
    assert behaviour.standing(ANN).decision is Decision.SLOW
    clock.now += 23 * MINUTE
    assert behaviour.standing(ANN).decision is Decision.ALLOW


def test_looking_for_paths_is_slowed_and_then_refused(behaviour: Behaviour) -> None:
    decisions = []
    for number in range(60):
        behaviour.saw(ANN, missing(f"/admin-{number}"))
        decisions.append(behaviour.standing(ANN).decision)
    assert decisions[:15] == [Decision.ALLOW] * 15
    assert decisions[-1] is Decision.REFUSE
    assert decisions == sorted(decisions, key=list(Decision).index)
    assert "missing-paths" in behaviour.standing(ANN).reasons


def test_the_same_missing_path_counts_once(behaviour: Behaviour) -> None:
    send(behaviour, [found("/ok"), missing("/old"), missing("/OLD/"), found("/ok")] * 500)
    assert "missing-paths" not in behaviour.standing(ANN).reasons


def test_missing_paths_that_differ_in_identifiers_are_one(behaviour: Behaviour) -> None:
    rng = random.Random(5)  # noqa: S311 - the same each run
    send(behaviour, [missing(f"/old/{uuid.UUID(int=rng.getrandbits(128))}") for _ in range(40)])
    assert "missing-paths" not in behaviour.standing(ANN).reasons


def test_a_thing_that_is_gone_is_no_missing_path(behaviour: Behaviour) -> None:
    gone = [Seen(f"/files/name-{number}", 404, is_routed=True) for number in range(40)]
    send(behaviour, [seen for one in gone for seen in (one, found("/files"), found("/files"))])
    assert behaviour.standing(ANN) == CLEAN


def test_looking_for_paths_slowly_is_noticed_too(behaviour: Behaviour, clock: Clock) -> None:
    # Five an hour are nothing within minutes.
    for number in range(200):
        behaviour.saw(ANN, missing(f"/admin-{number}"))
        behaviour.saw(ANN, found("/ok"))
        behaviour.saw(ANN, found("/ok"))
        clock.now += 5 * MINUTE
    assert behaviour.standing(ANN).decision is not Decision.ALLOW
    assert behaviour.standing(ANN).reasons == ("missing-paths",)


def test_who_gets_nothing_but_errors_for_hours_is_slowed_and_not_refused(
    behaviour: Behaviour, clock: Clock
) -> None:
    for _ in range(1500):
        behaviour.saw(ANN, Seen("/api/v1/accounts/me", 401, is_routed=True))
        clock.now += 9
    assert behaviour.standing(ANN).decision is Decision.SLOW
    assert behaviour.standing(ANN).reasons == ("errors",)


def test_errors_among_many_good_answers_cost_nothing(behaviour: Behaviour) -> None:
    one = [Seen("/api/v1/notes", 422, is_routed=True), found("/ok"), found("/ok")]
    send(behaviour, one * 500)
    assert behaviour.standing(ANN) == CLEAN


@pytest.mark.parametrize("status", [301, 399, 500, 503])
def test_what_is_no_fault_of_the_clients_costs_nothing(behaviour: Behaviour, status: int) -> None:
    send(behaviour, [Seen("/.env", status, is_routed=False)] * 500)
    assert behaviour.standing(ANN) == CLEAN


def test_signals_add_up(behaviour: Behaviour) -> None:
    send(behaviour, [missing(f"/admin-{number}") for number in range(16)])
    assert behaviour.standing(ANN).decision is Decision.ALLOW
    alone = behaviour.standing(ANN).score
    fail_logins(behaviour, [f"account-{number}" for number in range(8)])
    both = behaviour.standing(ANN)
    assert both.score > alone
    assert both.decision is Decision.SLOW
    assert set(both.reasons) == {"missing-paths", "many-accounts"}


@pytest.mark.parametrize(
    ("score", "decision"),
    [
        (0, Decision.ALLOW),
        (49, Decision.ALLOW),
        (50, Decision.SLOW),
        (99, Decision.SLOW),
        (100, Decision.REFUSE),
    ],
)
def test_a_score_asks_for_a_decision(score: int, decision: Decision) -> None:
    assert Standing(score).decision is decision


def test_answers_are_held_the_longer_the_nearer_to_a_refusal() -> None:
    waits = [Standing(score).hold_seconds for score in (49, 50, 75, 99, 5000)]
    assert waits == sorted(waits)
    assert waits[0] == 0
    assert waits[1] > 0
    assert waits[-2:] == [2.0, 2.0]


def test_every_signal_has_a_name_for_the_log() -> None:
    assert {signal.label for signal in Signal} == {
        "honeypot",
        "targeted-account",
        "errors",
        "requests",
        "missing-paths",
        "many-accounts",
        "identifiers",
    }


def test_what_is_seen_of_a_request() -> None:
    assert seen_of({"path": "/x", "endpoint": print}, 200) == Seen("/x", 200, is_routed=True)
    assert seen_of({"path": "/x"}, 404) == Seen("/x", 404, is_routed=False)


def _remembered(method: str = "GET", **headers: str) -> str:
    return client_of({**scope_of(client=ANN, **headers), "method": method})


def test_what_another_site_makes_a_browser_ask_is_remembered_apart() -> None:
    assert _remembered(sec_fetch_site="cross-site") == f"{ANN} cross-site"
    assert _remembered("HEAD", sec_fetch_site="cross-site") == f"{ANN} cross-site"


@pytest.mark.parametrize("site", ["none", "same-origin", "same-site", "Cross-Site", ""])
def test_what_its_user_asks_is_remembered_by_its_client(site: str) -> None:
    assert _remembered() == _remembered(sec_fetch_site=site) == ANN


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "get"])
def test_what_no_page_can_send_without_its_origin_is_the_clients_own(method: str) -> None:
    assert _remembered(method, sec_fetch_site="cross-site") == ANN


def test_a_page_that_names_its_origin_is_the_clients_own() -> None:
    assert _remembered(sec_fetch_site="cross-site", origin="https://app.example") == ANN


def test_the_longest_paths_cost_no_more_than_others(behaviour: Behaviour) -> None:
    behaviour.saw(ANN, missing("/" + "1/" * 100_000))
    behaviour.saw(ANN, missing("/\udc80/\ud800.env"))
    assert behaviour.standing(ANN).decision is Decision.ALLOW


def test_the_table_of_points_is_the_one_that_counts() -> None:
    assert behaviour_package.__doc__ is not None
    lines = behaviour_package.__doc__.splitlines()
    for signal in FAST:
        (line,) = [one for one in lines if one.strip().startswith(f"{signal.label} ")]
        told = [
            figure for scale in (FAST[signal], SLOW[signal]) for figure in scale if figure != inf
        ]
        assert [float(word) for word in line.partition(")")[2].split() or line.split()[1:]] == told
