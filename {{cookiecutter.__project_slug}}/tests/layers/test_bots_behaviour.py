"""What clients do, and what it comes to. Without Redis: one worker by itself."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

import pytest

from app.layers.bots import Decision
from app.layers.bots.local.behaviour import CLEAN, Behaviour, Seen, Signal, Standing, seen_of
from tests.layers.behaviour import ANN, BOB, fail_logins, found, missing, send

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
    return Behaviour(None, size=1000, clock=clock)


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


def test_no_page_can_make_its_visitors_be_refused(behaviour: Behaviour) -> None:
    planted = [Seen(f"/{number}/.env", 404, False, is_cross_site=True) for number in range(15)]
    planted += [Seen(f"/x{number}", 404, False, is_cross_site=True) for number in range(300)]
    planted += [Seen(f"/item/{number}", 200, True, is_cross_site=True) for number in range(300)]
    send(behaviour, planted)
    assert behaviour.standing(ANN).decision is not Decision.REFUSE
    assert set(behaviour.standing(ANN).reasons) == {"errors"}


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
    rng = random.Random(5)
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


@pytest.mark.parametrize("start", [1, 4_000_000, 10**15], ids=str)
@pytest.mark.parametrize("order", ["up", "down", "shuffled", "every third"])
def test_walking_through_numbers_is_refused(behaviour: Behaviour, start: int, order: str) -> None:
    numbers = list(range(start, start + 100))
    if order == "down":
        numbers.reverse()
    elif order == "shuffled":
        random.Random(3).shuffle(numbers)
    elif order == "every third":
        numbers = list(range(start, start + 300, 3))
    send(behaviour, [found(f"/api/v1/items/{number}") for number in numbers])
    assert behaviour.standing(ANN).decision is Decision.REFUSE
    assert behaviour.standing(ANN).reasons[0] == "identifiers"


def test_walking_through_many_rows_of_numbers_at_once_is_refused(behaviour: Behaviour) -> None:
    rows = [100_000 * row for row in range(1, 9)]
    walk = [found(f"/items/{row + step}") for step in range(16) for row in rows]
    send(behaviour, walk)
    assert behaviour.standing(ANN).decision is Decision.REFUSE


@pytest.mark.parametrize("template", ["/users/{}/notes", "/users/{}/files/7", "/a/7/b/8/c/{}"])
def test_walking_is_seen_wherever_the_number_stands(behaviour: Behaviour, template: str) -> None:
    send(behaviour, [found(template.format(number)) for number in range(500, 600)])
    assert behaviour.standing(ANN).decision is Decision.REFUSE


@pytest.mark.parametrize("spelling", ["str", "hex", "upper"])
def test_walking_through_uuids_that_follow_each_other_is_refused(
    behaviour: Behaviour, spelling: str
) -> None:
    first = 0x0B0E7A4E_4B5C_4C8E_9A48_0F5B2D4B8F00
    for step in range(100):
        one = uuid.UUID(int=first + step)
        path = {"str": str(one), "hex": one.hex, "upper": str(one).upper()}[spelling]
        behaviour.saw(ANN, Seen(f"/notes/{path}", 404, is_routed=True))
    assert behaviour.standing(ANN).decision is Decision.REFUSE


@pytest.mark.parametrize("seed", range(5))
def test_random_uuids_are_no_walk(behaviour: Behaviour, clock: Clock, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(2000):  # as fast as the limit of requests allows
        one = uuid.UUID(int=rng.getrandbits(128), version=4)
        behaviour.saw(ANN, found(f"/notes/{one}"))
        clock.now += 9
        assert behaviour.standing(ANN).score < 25


def test_a_page_of_numbers_read_again_and_again_is_no_walk(behaviour: Behaviour) -> None:
    send(behaviour, [found(f"/items/{number}") for number in range(30)] * 20)
    assert behaviour.standing(ANN).decision is Decision.ALLOW


def test_versions_and_query_pages_are_no_identifiers(behaviour: Behaviour) -> None:
    send(behaviour, [found(f"/api/v{number}/notes") for number in range(100)])
    assert behaviour.standing(ANN) == CLEAN


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
    scope = {"path": "/x", "headers": [(b"sec-fetch-site", b"cross-site")], "endpoint": print}
    assert seen_of(scope, 200) == Seen("/x", 200, is_routed=True, is_cross_site=True)
    for headers in ([], [(b"sec-fetch-site", b"none")], [(b"sec-fetch-site", b"cross-site")] * 2):
        seen = seen_of({"path": "/x", "headers": headers}, 404)
        assert seen == Seen("/x", 404, is_routed=False, is_cross_site=False)


def test_the_longest_paths_cost_no_more_than_others(behaviour: Behaviour) -> None:
    behaviour.saw(ANN, missing("/" + "1/" * 100_000))
    behaviour.saw(ANN, missing("/\udc80/\ud800.env"))
    assert behaviour.standing(ANN).decision is Decision.ALLOW


def test_one_worker_remembers_a_bounded_number_of_clients(clock: Clock) -> None:
    behaviour = Behaviour(None, size=1000, clock=clock)
    behaviour.saw("first", missing("/.env"))
    for number in range(5000):
        behaviour.saw(str(number), missing("/.env"))
        fail_logins(behaviour, [f"account-{number}"], client=str(number))
    assert len(behaviour._clients.local) <= 1000
    assert len(behaviour._accounts.local) <= 1000
    assert behaviour.standing("first") is CLEAN
    assert behaviour.standing("4999").decision is Decision.REFUSE


def test_who_is_silent_for_an_hour_is_forgotten(behaviour: Behaviour, clock: Clock) -> None:
    behaviour.saw(ANN, missing("/.env"))
    for _ in range(3):
        clock.now += 31 * MINUTE
        behaviour.saw(BOB, found("/ok"))
    assert behaviour.standing(ANN) is CLEAN
    assert len(behaviour._clients.local) == 1


def test_who_comes_every_half_hour_is_remembered(behaviour: Behaviour, clock: Clock) -> None:
    send(behaviour, [missing("/.env")] * 12)
    for _ in range(4):
        clock.now += 29 * MINUTE
        behaviour.saw(ANN, found("/ok"))
    assert behaviour.standing(ANN).decision is Decision.SLOW
    assert behaviour.standing(ANN).reasons == ("honeypot",)
