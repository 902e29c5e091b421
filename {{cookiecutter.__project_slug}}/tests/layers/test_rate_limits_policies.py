"""What a limit is, and who it is counted against."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.layers.rate_limits import Policy, RateLimitsSettings
from app.layers.rate_limits.policies import client_key, parse_policies


@pytest.mark.parametrize(
    ("text", "amount", "window"),
    [
        ("100/15minutes", 100, 900),
        ("5 per hour", 5, 3600),
        ("1/second", 1, 1),
        ("7/2days", 7, 172_800),
        (" 10 / minute ", 10, 60),
    ],
)
def test_a_limit_is_read_as_people_write_it(text: str, amount: int, window: int) -> None:
    assert parse_policies("x", text) == (Policy("x", amount, window),)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("100/hour sliding", Policy("x", 100, 3600, "sliding")),
        ("100 per 15 minutes  sliding", Policy("x", 100, 900, "sliding")),
        ("10/minute burst 50", Policy("x", 50, 300, "bucket")),
        ("7 per minute burst 3", Policy("x", 3, 180 / 7, "bucket")),
        ("100/second burst 150", Policy("x", 150, 1.5, "bucket")),
    ],
)
def test_a_word_behind_a_limit_says_how_it_is_counted(text: str, policy: Policy) -> None:
    assert parse_policies("x", text) == (policy,)


def test_limits_of_different_kinds_hold_together() -> None:
    assert parse_policies("x", "10/minute burst 50; 100/hour sliding") == (
        Policy("x-300", 50, 300, "bucket"),
        Policy("x-3600", 100, 3600, "sliding"),
    )


def test_several_limits_have_names_of_their_own() -> None:
    assert parse_policies("x", "10/minute; 100/hour") == (
        Policy("x-60", 10, 60),
        Policy("x-3600", 100, 3600),
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "many", "100", "100/fortnight", "-1/minute", "1e3/minute", "100/15minutes and more"),
        *("0/minute", "5/0minutes", "5 per 0 minutes", "2000000/minute", "5/2months"),
        *("5/minute slidding", "sliding", "5/minute sliding burst 5", "5/minute burst"),
        *("5/minute burst 0", "5/minute burst -1", "5/minute burst 2000000", "1/hour burst 1000"),
        *("5/0minutes sliding", "100/second burst 50", "5/minute; often", "5/minute;"),
    ],
)
def test_what_is_no_limit_or_no_sane_one_stops_the_start(text: str) -> None:
    with pytest.raises(ValidationError, match="limit"):
        RateLimitsSettings(per_client=text)


def test_the_error_says_how_a_limit_is_written() -> None:
    with pytest.raises(ValidationError, match="100/15minutes, 5 per hour"):
        RateLimitsSettings(login="often")


def test_every_default_is_a_limit() -> None:
    for name, limit in RateLimitsSettings():
        assert parse_policies(name, limit)


def test_the_default_for_a_client_is_a_hundred_in_a_quarter_of_an_hour() -> None:
    assert parse_policies("x", RateLimitsSettings().per_client) == (Policy("x", 100, 900),)


def test_a_share_is_rounded_up_so_that_nobody_gets_nothing() -> None:
    assert Policy("x", 100, 60).shared_by(3) == Policy("x", 34, 60)
    assert Policy("x", 1, 60).shared_by(8) == Policy("x", 1, 60)
    assert Policy("x", 100, 60).shared_by(1) == Policy("x", 100, 60)
    assert Policy("x", 50, 300, "bucket").shared_by(4) == Policy("x", 13, 300, "bucket")


def test_a_name_is_fit_for_a_header() -> None:
    assert parse_policies('a"b, c\r\nd', "1/minute")[0].name == "a-b--c--d"


def test_limits_of_the_same_name_and_different_size_are_counted_apart() -> None:
    assert Policy("x", 1, 60).key("me") != Policy("x", 2, 60).key("me")
    assert Policy("x", 1, 60).key("me") != Policy("x", 1, 61).key("me")


def test_no_count_is_read_as_one_of_another_kind() -> None:
    keys = {Policy("x", 1, 60, kind).key("me") for kind in ("fixed", "sliding", "bucket")}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", "unknown"),
        ("192.0.2.1, 198.51.100.1", "unknown"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(address: str, key: str) -> None:
    assert client_key(address) == key
