"""Layer 7: when another issuer's keys are fetched, how long they count, and what never waits."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.layers.authentication import AuthenticationSettings
from app.layers.authentication.key_set import (
    COOLDOWN_SECONDS,
    MAX_BYTES,
    MAX_MISSING,
    KeysUnavailable,
    RemoteKeySet,
)
from app.layers.authentication.keys import required_members
from app.request_context import RequestContext, current
from tests.in_process import signing_key_pem
from tests.layers.small_app import logged_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.layers.conftest import Clock

pytestmark = pytest.mark.anyio

URL = "https://issuer.example/keys"
SETTINGS = AuthenticationSettings(jwks_url=URL)
REFRESH, STALE = SETTINGS.jwks_refresh_seconds, SETTINGS.jwks_stale_seconds
MODULE = "app.layers.authentication.key_set"
_PRIVATE = load_pem_private_key(signing_key_pem(2048).encode(), password=None)
PARTS = required_members(_PRIVATE.public_key())  # type: ignore[arg-type]


def jwks(*kids: str) -> bytes:
    return json.dumps({"keys": [{"kid": kid, **PARTS} for kid in kids]}).encode()


class Issuer(httpx.AsyncBaseTransport):
    """Answers with what a test says; may keep its client waiting."""

    def __init__(self, *kids: str) -> None:
        self.answer: bytes | httpx.AsyncByteStream | Exception = jwks(*kids)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests: list[httpx.Request] = []
        self.contexts: list[RequestContext | None] = []
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.was_asked = asyncio.Event()
        self.is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.contexts.append(current.get())
        self.was_asked.set()
        await self.is_open.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        answer = self.answer
        stream = httpx.ByteStream(answer) if isinstance(answer, bytes) else answer
        return httpx.Response(self.status, headers=self.headers, stream=stream)

    async def aclose(self) -> None:
        """Note that nobody will ask any more."""
        self.is_closed = True

    def publish(self, *kids: str) -> None:
        """Publish these keys from now on, and be well."""
        self.answer, self.status = jwks(*kids), 200

    @property
    def fetches(self) -> int:
        """How often it was asked."""
        return len(self.requests)


async def opened(issuer: Issuer, clock: Clock, **changes: Any) -> RemoteKeySet:
    """Return a key set that has fetched once."""
    settings = SETTINGS.model_copy(update=changes)
    keys = RemoteKeySet(settings, issuer, clock)
    await keys.refresh()
    return keys


async def settle(keys: RemoteKeySet) -> None:
    """Wait for the fetch under way; begin none."""
    if keys._fetching is not None:  # noqa: SLF001 - nobody else needs to know
        await asyncio.wait((keys._fetching,))  # noqa: SLF001 - the same


OTHER_PARTS = required_members(
    load_pem_private_key(signing_key_pem().encode(), password=None).public_key()  # type: ignore[arg-type]
)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the key set logs."""
    return logged_by(MODULE, monkeypatch)


async def test_a_published_key_is_found_by_its_name_and_fetched_once(clock: Clock) -> None:
    issuer = Issuer("a", "b")
    keys = await opened(issuer, clock)
    for kid in ("a", "b", "a"):
        found = await keys.find(kid)
        assert found is not None
        assert (found.kid, found.algorithm) == (kid, "RS256")
    assert issuer.fetches == 1
    assert keys.is_open


async def test_a_key_is_asked_for_plainly_and_without_anything_of_the_last_answer(
    clock: Clock,
) -> None:
    issuer = Issuer("a")
    issuer.headers = {"Set-Cookie": "mark=1"}
    keys = await opened(issuer, clock)
    clock.now += REFRESH
    await keys.refresh()
    assert issuer.fetches == 2
    for request in issuer.requests:
        assert str(request.url) == URL
        assert request.headers["accept-encoding"] == "identity"
        assert {"cookie", "authorization"}.isdisjoint(request.headers)


async def test_nothing_in_the_environment_leads_the_fetch_elsewhere(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    issuer = Issuer("a")
    await opened(issuer, clock)
    assert issuer.fetches == 1


async def test_a_fetch_belongs_to_no_request(clock: Clock) -> None:
    """What it logs would else be told of whoever happened to ask first."""
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += COOLDOWN_SECONDS
    token = current.set(RequestContext("0" * 32))
    assert await keys.find("stranger") is None
    current.reset(token)
    assert issuer.contexts == [None, None]


async def test_a_known_key_never_waits_whatever_the_issuer_does(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += REFRESH
    issuer.is_open.clear()  # it takes the question and does not answer
    keys.refresh_if_due()
    stranger = asyncio.create_task(keys.find("stranger"))
    await asyncio.sleep(0)
    assert issuer.fetches == 2
    found = keys.find("a")
    with pytest.raises(StopIteration) as answer:  # it is done at its first step
        found.send(None)
    assert answer.value.value.kid == "a"
    issuer.is_open.set()
    assert await stranger is None
    await keys.aclose()


async def test_keys_are_fetched_again_before_their_time_ends(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += REFRESH * 0.8 - 1
    keys.refresh_if_due()
    assert issuer.fetches == 1
    clock.now += 1
    keys.refresh_if_due()
    await settle(keys)
    assert issuer.fetches == 2


async def test_keys_are_kept_fresh_without_anybody_asking(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.TICK_SECONDS", 0.0)
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    issuer.publish("b")
    issuer.was_asked.clear()
    clock.now += REFRESH
    keeper = asyncio.create_task(keys.keep_fresh())
    await asyncio.wait_for(issuer.was_asked.wait(), 5)
    await settle(keys)
    keeper.cancel()
    await asyncio.wait((keeper,))
    assert await keys.find("b") is not None


async def test_a_hundred_strangers_at_once_share_one_fetch(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += COOLDOWN_SECONDS
    found = await asyncio.gather(*(keys.find(f"stranger-{number}") for number in range(100)))
    assert set(found) == {None}
    assert issuer.fetches == 2


async def test_a_new_key_is_found_by_the_first_token_that_names_it(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += COOLDOWN_SECONDS
    issuer.publish("a", "b")
    assert await keys.find("b") is not None
    assert issuer.fetches == 2


async def test_a_stranger_who_goes_away_does_not_end_the_fetch_of_the_others(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += COOLDOWN_SECONDS
    issuer.publish("a", "b")
    issuer.is_open.clear()
    first, second = (asyncio.create_task(keys.find("b")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait((first,))
    issuer.is_open.set()
    assert await second is not None
    assert issuer.fetches == 2


@pytest.mark.parametrize("is_dead", [False, True])
async def test_strangers_for_ten_minutes_cost_four_fetches_a_minute(
    clock: Clock, *, is_dead: bool
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    if is_dead:
        issuer.answer = httpx.ConnectError("refused")
    began: list[float] = []
    for number in range(600):
        clock.now += 1
        before = issuer.fetches
        assert await keys.find(f"stranger-{number}") is None
        keys.refresh_if_due()
        await settle(keys)
        began += [clock.now] * (issuer.fetches - before)
        assert await keys.find("a") is not None
    assert len(began) == 600 / COOLDOWN_SECONDS
    assert max(sum(start <= one <= start + 60 for one in began) for start in began) <= 5


async def test_a_name_that_is_in_no_set_provokes_one_fetch_a_minute(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += COOLDOWN_SECONDS
    for _ in range(3):
        assert await keys.find("stranger") is None
        clock.now += COOLDOWN_SECONDS
    assert issuer.fetches == 2
    clock.now += COOLDOWN_SECONDS
    assert await keys.find("stranger") is None
    assert issuer.fetches == 3


async def test_a_name_is_not_held_missing_when_nobody_could_be_asked(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    assert await keys.find("b") is None  # just fetched: nobody is asked
    clock.now += COOLDOWN_SECONDS
    issuer.answer = httpx.ConnectError("refused")
    assert await keys.find("b") is None  # asked in vain
    clock.now += COOLDOWN_SECONDS
    issuer.publish("a", "b")
    assert await keys.find("b") is not None


async def test_a_name_is_not_held_missing_by_a_fetch_that_began_before_it_was_asked_for(
    clock: Clock,
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += REFRESH
    issuer.is_open.clear()
    keys.refresh_if_due()
    clock.now += 1
    waiting = asyncio.create_task(keys.find("b"))
    await asyncio.sleep(0)
    clock.now += COOLDOWN_SECONDS
    issuer.is_open.set()
    assert await waiting is None
    issuer.publish("a", "b")
    assert await keys.find("b") is not None


async def test_a_name_that_was_missing_is_found_as_soon_as_any_fetch_brings_it(
    clock: Clock,
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += COOLDOWN_SECONDS
    assert await keys.find("b") is None
    issuer.publish("a", "b")
    clock.now += COOLDOWN_SECONDS
    assert await keys.find("c") is None
    assert await keys.find("b") is not None


async def test_only_so_many_missing_names_are_remembered(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += COOLDOWN_SECONDS
    await asyncio.gather(*(keys.find(f"stranger-{number}") for number in range(MAX_MISSING + 10)))
    assert len(keys._missing) == MAX_MISSING  # noqa: SLF001 - its bound is what is tested
    assert "stranger-0" not in keys._missing  # noqa: SLF001 - the oldest goes


async def test_the_last_keys_count_while_the_issuer_fails_and_then_none_does(
    clock: Clock, log: list[dict[str, Any]]
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    version = keys.version
    issuer.answer = httpx.ConnectError("refused")
    clock.now += REFRESH + STALE - 1
    await keys.refresh()
    assert await keys.find("a") is not None
    assert keys.version == version
    log.clear()
    clock.now += 1
    assert keys.version != version  # what these keys verified is forgotten too
    assert not keys.is_open
    with pytest.raises(KeysUnavailable) as refused:
        await keys.find("a")
    assert refused.value.status == 503
    assert log[0]["event"] == "keys_unavailable"
    assert log[0]["level"] == "CRITICAL"


async def test_closed_keys_open_again_when_the_issuer_is_back(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    clock.now += REFRESH + STALE
    assert not keys.is_open
    assert await keys.find("a") is not None
    assert keys.is_open


async def test_an_issuer_that_never_answered_is_no_401(
    clock: Clock, log: list[dict[str, Any]]
) -> None:
    issuer = Issuer()
    issuer.answer = httpx.ConnectTimeout("nobody")
    keys = await opened(issuer, clock)
    with pytest.raises(KeysUnavailable):
        await keys.find("a")
    assert [(line["event"], line["reason"]) for line in log] == [
        ("keys_unavailable", "ConnectTimeout")
    ]
    issuer.publish("a")
    clock.now += COOLDOWN_SECONDS
    keys.refresh_if_due()
    await settle(keys)
    assert await keys.find("a") is not None
    assert log[-1]["event"] == "keys_restored"
    clock.now += REFRESH
    await keys.refresh()
    assert [line["event"] for line in log].count("keys_restored") == 1


async def test_an_issuer_that_withdraws_every_key_is_obeyed_and_asked_again_soon(
    clock: Clock, log: list[dict[str, Any]]
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    issuer.publish()
    clock.now += REFRESH
    await keys.refresh()
    with pytest.raises(KeysUnavailable):
        await keys.find("a")
    assert log[-1] == {
        "event": "keys_unavailable",
        "level": "CRITICAL",
        "reason": "no key in the set counts",
    }
    issuer.publish("a")
    clock.now += COOLDOWN_SECONDS
    keys.refresh_if_due()
    await settle(keys)
    assert keys.is_open


async def test_a_withdrawn_key_is_gone_with_the_next_fetch(clock: Clock) -> None:
    issuer = Issuer("a", "b")
    keys = await opened(issuer, clock)
    issuer.publish("b")
    clock.now += REFRESH
    await keys.refresh()
    assert await keys.find("a") is None
    assert await keys.find("b") is not None


async def test_the_version_changes_when_the_set_does_and_only_then(
    clock: Clock, log: list[dict[str, Any]]
) -> None:
    issuer = Issuer("a", "b")
    keys = await opened(issuer, clock)
    versions = [keys.version]
    for answer in (jwks("a", "b"), jwks("b", "a"), jwks("a"), jwks("a", "b"), jwks("b", "c")):
        issuer.answer = answer
        clock.now += REFRESH
        await keys.refresh()
        versions.append(keys.version)
    assert versions == [1, 1, 1, 2, 3, 4]
    changes = [line["count"] for line in log if line["event"] == "keys_changed"]
    assert changes == [2, 1, 2, 2]


async def test_another_key_under_the_same_name_is_another_version(clock: Clock) -> None:
    """Else what the old one verified would go on counting."""
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    issuer.answer = json.dumps({"keys": [{"kid": "a", **OTHER_PARTS}]}).encode()
    clock.now += REFRESH
    await keys.refresh()
    assert keys.version == 2
    found = await keys.find("a")
    assert found is not None
    assert required_members(found.key) == OTHER_PARTS


async def test_a_key_that_is_ignored_is_told_once_and_not_at_each_fetch(
    clock: Clock, log: list[dict[str, Any]]
) -> None:
    issuer = Issuer("a")
    issuer.answer = json.dumps(
        {"keys": [{"kid": "a", **PARTS}, {"kid": "s", "kty": "oct", "k": "AAAA"}]}
    ).encode()
    keys = await opened(issuer, clock)
    clock.now += REFRESH
    await keys.refresh()
    assert issuer.fetches == 2
    ignored = [line for line in log if line["event"] == "key_ignored"]
    assert ignored == [{"event": "key_ignored", "kid": "s", "reason": "symmetric"}]
    assert await keys.find("a") is not None


class Endless(httpx.AsyncByteStream):
    """A body far beyond the limit, and no end in sight; it counts what is read of it."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.sent < 8 * MAX_BYTES:  # without the limit a test fails, and the machine lives
            self.sent += 65_536
            yield b" " * 65_536


class Dripping(httpx.AsyncByteStream):
    """A body that takes many times the limit and never lets a read time out."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(200_000):
            yield b" "
            await asyncio.sleep(0)


async def test_a_body_without_an_end_is_read_to_the_limit_only(
    clock: Clock, log: list[dict[str, Any]]
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    issuer.answer = body = Endless()
    clock.now += REFRESH
    await keys.refresh()
    assert body.sent <= MAX_BYTES + 65_536
    assert log[-1]["reason"] == "too long"
    assert await keys.find("a") is not None


async def test_a_body_that_comes_byte_by_byte_is_given_up(
    clock: Clock, log: list[dict[str, Any]]
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    issuer.answer = Dripping()
    clock.now += REFRESH
    await keys.refresh()
    assert log[-1]["reason"] == "too long"
    assert await keys.find("a") is not None


async def test_an_issuer_that_drips_is_given_up_in_time(
    clock: Clock, log: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.MAX_CHUNKS", 1 << 60)
    monkeypatch.setattr(f"{MODULE}.MAX_BYTES", 1 << 60)
    issuer = Issuer("a")
    keys = await opened(issuer, clock, jwks_timeout_seconds=0.05)
    issuer.answer = Dripping()
    clock.now += REFRESH
    await keys.refresh()
    assert log[-1]["reason"] == "TimeoutError"
    assert await keys.find("a") is not None


LIES: dict[str, tuple[int, dict[str, str], bytes, str]] = {
    "a redirect": (302, {"Location": "https://evil.example/keys"}, b"", "status 302"),
    "a redirect with keys in it": (307, {"Location": "/"}, jwks("evil"), "status 307"),
    "an error with keys in it": (500, {}, jwks("evil"), "status 500"),
    "another success": (206, {}, jwks("evil"), "status 206"),
    "a body that is compressed": (
        200,
        {"Content-Encoding": "gzip"},
        gzip.compress(jwks("evil")),
        "compressed, unasked",
    ),
    "one byte too many": (200, {}, jwks("evil").ljust(MAX_BYTES + 1), "too long"),
    "a page": (200, {}, b"<html>", "not JSON"),
    "nothing": (200, {}, b"", "not JSON"),
    "a list": (200, {}, b"[]", "not a JWK Set"),
    "no keys": (200, {}, b"{}", "not a JWK Set"),
    "keys that are no list": (200, {}, b'{"keys": {"kid": "evil"}}', "not a JWK Set"),
    "keys without number": (200, {}, jwks(*map(str, range(101))), "too many keys"),
    "depth without end": (200, {}, b'{"keys": ' + b"[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_is_no_set_changes_nothing(
    clock: Clock, log: list[dict[str, Any]], lie: str
) -> None:
    issuer = Issuer("a")
    keys = await opened(issuer, clock)
    issuer.status, issuer.headers, issuer.answer, reason = LIES[lie]
    clock.now += REFRESH
    await keys.refresh()
    assert issuer.fetches == 2  # and no redirect was followed
    assert log[-1] == {
        "event": "keys_unavailable",
        "reason": reason,
        "believed_seconds": STALE,
    }
    assert keys.version == 1
    assert await keys.find("a") is not None
    assert await keys.find("evil") is None


async def test_a_body_of_just_the_limit_is_read(clock: Clock) -> None:
    issuer = Issuer()
    issuer.answer = jwks("a").ljust(MAX_BYTES)
    keys = await opened(issuer, clock)
    assert await keys.find("a") is not None


async def test_closing_ends_a_fetch_and_nobody_waits_for_ever(clock: Clock) -> None:
    issuer = Issuer()
    issuer.is_open.clear()
    keys = RemoteKeySet(SETTINGS, issuer, clock)
    waiting = asyncio.create_task(keys.find("a"))
    await asyncio.sleep(0)
    await keys.aclose()
    with pytest.raises(KeysUnavailable):
        await waiting
