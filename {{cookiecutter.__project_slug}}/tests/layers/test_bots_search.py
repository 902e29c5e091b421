"""How search engines are told from those who use their names."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import dns.exception
import dns.name
import dns.resolver
import pytest

from app.layers.bots import BotsSettings, Category, Decision
from app.layers.bots.local import Judge, ReverseDns, SearchEngines
from app.layers.bots.local.reverse_dns import AT_ONCE, REMEMBERED, WAITING
from app.layers.bots.local.search_engines import ENGINES, RANGES, engine_of, published_networks
from tests.layers.bots import GOOGLEBOT, scope_of

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

pytestmark = pytest.mark.anyio

CRAWLER, STRANGER = "192.0.2.10", "192.0.2.66"
GOOGLE = ("googlebot.com", "google.com")
YANDEX = "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"


class Zones:
    """DNS that answers from two tables; `gate` holds every answer back."""

    def __init__(
        self, names: dict[str, list[str]], addresses: dict[str, set[str]] | None = None
    ) -> None:
        self._names = names
        self._addresses = addresses or {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0

    async def _answer(self, question: str) -> None:
        self.asked.append(question)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        if self.failure is not None:
            raise self.failure

    async def names(self, address: IPv4Address | IPv6Address) -> list[dns.name.Name]:
        await self._answer(str(address))
        return [dns.name.from_text(name) for name in self._names.get(str(address), [])]

    async def addresses(self, name: dns.name.Name, version: int) -> set[str]:
        await self._answer(name.to_text())
        found = self._addresses.get(name.to_text(omit_final_dot=True), set())
        return {one for one in found if (":" in one) == (version == 6)}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def _confirms(dns_: ReverseDns, client: str, domains: tuple[str, ...] = GOOGLE) -> bool:
    dns_.confirms(client, domains)
    await dns_.settled()
    return dns_.confirms(client, domains)


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (CRAWLER, "crawl-192-0-2-10.googlebot.com"),
        (CRAWLER, "rate-limited-proxy.google.com"),
        (CRAWLER, "CRAWL.GoogleBot.COM"),
        ("2001:db8::10", "crawl.googlebot.com"),
        ("::ffff:192.0.2.10", "crawl.googlebot.com"),
    ],
)
async def test_twin_an_address_that_both_sides_vouch_for_is_confirmed(
    client: str, name: str
) -> None:
    plain = client.removeprefix("::ffff:")
    zones = Zones({plain: [name]}, {name: {plain}})
    assert await _confirms(ReverseDns(zones), client)


@pytest.mark.parametrize(
    "name",
    [
        "crawl.googlebot.com.evil.example",
        "evilgooglebot.com",
        "googlebot.com.",
        r"evil\.googlebot.com",
        "66.249.gae.googleusercontent.com",
        "crawl.googlebot.co",
        "x--googlebot.com",
    ],
)
async def test_attack_a_name_that_only_looks_like_theirs_confirms_nothing(name: str) -> None:
    plain = name.removesuffix(".")
    answers = {plain: {STRANGER}} if plain != "googlebot.com" else {}
    zones = Zones({STRANGER: [name]}, answers)
    assert not await _confirms(ReverseDns(zones), STRANGER)


async def test_attack_a_name_that_does_not_lead_back_confirms_nothing() -> None:
    zones = Zones({STRANGER: ["crawl.googlebot.com"]}, {"crawl.googlebot.com": {CRAWLER}})
    assert not await _confirms(ReverseDns(zones), STRANGER)


async def test_attack_one_engines_name_is_not_another_ones() -> None:
    zones = Zones({STRANGER: ["x.yandex.ru"]}, {"x.yandex.ru": {STRANGER}})
    assert not await _confirms(ReverseDns(zones), STRANGER)
    assert await _confirms(ReverseDns(zones), STRANGER, ("yandex.ru",))


async def test_attack_a_thousand_names_are_not_all_followed() -> None:
    names = [f"{number}.googlebot.com" for number in range(1000)]
    zones = Zones({STRANGER: names})
    assert not await _confirms(ReverseDns(zones), STRANGER)
    assert len(zones.asked) < 10


async def test_attack_what_is_no_address_confirms_nothing_and_asks_nobody() -> None:
    zones = Zones({})
    assert not await _confirms(ReverseDns(zones), "unknown")
    assert zones.asked == []


async def test_the_request_that_asks_first_does_not_wait() -> None:
    zones = Zones({CRAWLER: ["a.googlebot.com"]}, {"a.googlebot.com": {CRAWLER}})
    zones.gate.clear()
    found = ReverseDns(zones)
    assert not found.confirms(CRAWLER, GOOGLE)
    await asyncio.sleep(0)
    assert not found.confirms(CRAWLER, GOOGLE)
    zones.gate.set()
    await found.settled()
    assert found.confirms(CRAWLER, GOOGLE)


async def test_however_many_ask_at_once_it_is_looked_up_once() -> None:
    zones = Zones({})
    found = ReverseDns(zones)
    for _ in range(50):
        found.confirms(STRANGER, GOOGLE)
    await found.settled()
    assert zones.asked == [STRANGER]


async def test_what_was_found_is_remembered_for_a_day_and_what_was_not_for_an_hour() -> None:
    clock = Clock()
    zones = Zones({CRAWLER: ["a.googlebot.com"]}, {"a.googlebot.com": {CRAWLER}})
    found = ReverseDns(zones, clock)
    assert await _confirms(found, CRAWLER)
    assert not await _confirms(found, STRANGER)
    asked = len(zones.asked)
    clock.now += 3599
    assert await _confirms(found, CRAWLER)
    assert not await _confirms(found, STRANGER)
    assert len(zones.asked) == asked
    clock.now += 2
    assert not await _confirms(found, STRANGER)
    assert len(zones.asked) == asked + 1
    clock.now += 23 * 3600
    assert not found.confirms(CRAWLER, GOOGLE)
    assert await _confirms(found, CRAWLER)


@pytest.mark.parametrize(
    "failure",
    [dns.exception.Timeout, dns.resolver.NoNameservers, OSError, TimeoutError],
)
async def test_attack_without_dns_nobody_is_confirmed_and_it_is_tried_again_soon(
    failure: type[Exception],
) -> None:
    clock = Clock()
    zones = Zones({CRAWLER: ["a.googlebot.com"]}, {"a.googlebot.com": {CRAWLER}})
    found = ReverseDns(zones, clock)
    zones.failure = failure()
    assert not await _confirms(found, CRAWLER)
    zones.failure = None
    assert not await _confirms(found, CRAWLER)
    clock.now += 61
    assert await _confirms(found, CRAWLER)


async def test_attack_a_flood_of_claims_is_looked_up_a_few_at_a_time() -> None:
    zones = Zones({})
    zones.gate.clear()
    found = ReverseDns(zones)
    for number in range(1000):
        found.confirms(f"198.51.100.{number % 250}", (f"{number}.example",))
    for _ in range(10):
        await asyncio.sleep(0)
    assert zones.most_at_once == AT_ONCE
    zones.gate.set()
    await found.settled()
    assert len(zones.asked) == WAITING


async def test_attack_a_flood_of_claims_does_not_push_a_crawler_out() -> None:
    clock = Clock()
    zones = Zones({CRAWLER: ["a.googlebot.com"]}, {"a.googlebot.com": {CRAWLER}})
    found = ReverseDns(zones, clock)
    assert await _confirms(found, CRAWLER)
    for number in range(0, 2 * REMEMBERED, WAITING):
        for one in range(WAITING):
            found.confirms(f"2001:db8::{number + one:x}", GOOGLE)
        await found.settled()
    asked = len(zones.asked)
    assert found.confirms(CRAWLER, GOOGLE)
    assert not await _confirms(found, "2001:db8::0")  # the oldest of the others was let go
    assert len(zones.asked) == asked + 1


async def test_closing_stops_what_is_being_looked_up() -> None:
    zones = Zones({})
    zones.gate.clear()
    found = ReverseDns(zones)
    for number in range(20):
        found.confirms(f"192.0.2.{number}", GOOGLE)
    await asyncio.sleep(0)
    await found.aclose()
    assert zones.at_once == 0


async def test_an_engine_without_published_networks_is_let_through_once_it_is_known() -> None:
    zones = Zones({CRAWLER: ["x.yandex.com"]}, {"x.yandex.com": {CRAWLER}})
    reverse_dns = ReverseDns(zones)
    judge = Judge(BotsSettings(), SearchEngines((), reverse_dns))
    seen = scope_of(YANDEX, client=CRAWLER)
    assert judge.judge(seen)[:2] == (Category.IMPOSTOR, Decision.REFUSE)
    await reverse_dns.settled()
    assert judge.judge(seen)[:2] == (Category.SEARCH_ENGINE, Decision.ALLOW)
    assert judge.judge(scope_of(GOOGLEBOT, client=CRAWLER))[0] is Category.IMPOSTOR


async def test_an_address_in_a_published_network_is_not_looked_up() -> None:
    zones = Zones({})
    reverse_dns = ReverseDns(zones)
    judge = Judge(BotsSettings(), SearchEngines((), reverse_dns))
    assert judge.judge(scope_of(GOOGLEBOT, client="66.249.66.1"))[1] is Decision.ALLOW
    await reverse_dns.settled()
    assert zones.asked == []


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (GOOGLEBOT, "googlebot"),
        ("GoogleOther", "googlebot"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot"),
        (YANDEX, "yandex"),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", "baidu"),
        ("Mozilla/5.0 (compatible; Applebot/0.1; +http://www.apple.com/go/applebot)", "applebot"),
        ("DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", None),
    ],
)
def test_an_engine_is_known_by_its_crawlers_name(user_agent: str, name: str | None) -> None:
    engine = engine_of(user_agent.encode())
    assert (engine.name if engine is not None else None) == name


def test_every_published_network_belongs_to_an_engine_and_to_the_internet() -> None:
    networks = published_networks()
    assert set(networks) <= {engine.name for engine in ENGINES}
    assert {"googlebot", "bingbot"} <= set(networks)
    for found in networks.values():
        assert len(found) > 20
        assert all(network.is_global and network.prefixlen >= 16 for network in found)
    assert all(
        entry["source"].startswith("https://") for entry in json.loads(RANGES.read_text()).values()
    )
