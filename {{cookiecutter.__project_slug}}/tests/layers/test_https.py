"""Layer 1: who is believed about where a request comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from app.layers.https import (
    BadForwarding,
    Claims,
    Gate,
    HttpsMiddleware,
    HttpsSettings,
    ProxyBypassed,
    WrongHost,
    parse_address,
)
from app.request_context import SCOPE_KEY, RequestContext

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

PROXY = "127.0.0.1"
CLIENT = b"198.51.100.7"


def claims(
    *, forwarded_for: Any = (CLIENT,), proto: Any = (b"https",), host: Any = (b"localhost",)
) -> Claims:
    return Claims(list(forwarded_for), list(proto), list(host))


def gate(**settings: Any) -> Gate:
    return Gate(HttpsSettings(**settings))


def test_a_request_through_the_proxy_comes_from_whom_the_proxy_says() -> None:
    assert gate().client(PROXY, claims()) == "198.51.100.7"


def test_addresses_are_given_in_one_spelling() -> None:
    long = claims(forwarded_for=[b"2001:0DB8:0:0::0001"])
    assert gate().client(PROXY, long) == "2001:db8::1"
    mapped = claims(forwarded_for=[b"::ffff:198.51.100.7"])
    assert gate().client(PROXY, mapped) == "198.51.100.7"


@pytest.mark.parametrize(
    "peer", ["127.0.0.2", "10.0.0.1", "::2", "198.51.100.7", "nonsense", "", None]
)
def test_whoever_is_no_trusted_proxy_is_refused_whatever_it_claims(peer: str | None) -> None:
    with pytest.raises(ProxyBypassed):
        gate().client(peer, claims())


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_local_proxy_is_trusted_by_default(peer: str) -> None:
    assert gate().client(peer, claims())


def test_trusted_proxies_can_be_a_network() -> None:
    inside = gate(trusted_proxies="10.1.0.0/16, 192.0.2.1")
    assert inside.client("10.1.2.3", claims())
    assert inside.client("192.0.2.1", claims())
    for peer in ("10.2.0.1", "192.0.2.2", "127.0.0.1"):
        with pytest.raises(ProxyBypassed):
            inside.client(peer, claims())


def test_a_peer_without_an_address_is_the_proxy_only_where_the_word_unix_says_so() -> None:
    assert gate(trusted_proxies="unix").client(None, claims()) == "198.51.100.7"
    mixed = gate(trusted_proxies="192.0.2.1, unix")
    assert mixed.client(None, claims())
    assert mixed.client("192.0.2.1", claims())
    with pytest.raises(ProxyBypassed):
        gate(trusted_proxies="192.0.2.1").client(None, claims())


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1", "unix", "unix:", "", "None"])
def test_trusting_the_socket_trusts_no_address(peer: str) -> None:
    with pytest.raises(ProxyBypassed):
        gate(trusted_proxies="unix").client(peer, claims())


def test_what_comes_through_the_socket_must_still_say_whom_it_is_for() -> None:
    for_nobody = claims(forwarded_for=[])
    with pytest.raises(BadForwarding):
        gate(trusted_proxies="unix").client(None, for_nobody)
    with pytest.raises(WrongHost):
        gate(trusted_proxies="unix").client(None, claims(host=[b"evil.example"]))


@pytest.mark.parametrize("written", ["UNIX", "unix:", "unix:/run/app.sock", "socket", "*"])
def test_only_the_very_word_unix_trusts_the_socket(written: str) -> None:
    with pytest.raises(ValidationError):
        HttpsSettings(trusted_proxies=written)


@pytest.mark.parametrize(
    "forwarded_for",
    [
        [],
        [b""],
        [b"198.51.100.7, 203.0.113.9"],
        [b"198.51.100.7", b"198.51.100.7"],
        [b"198.51.100.7:443"],
        [b"unknown"],
        [b"fe80::1%eth0"],
        [b"198.51.100.07"],
        [b"\xff"],
        [b" 198.51.100.7"],
    ],
)
def test_a_client_that_is_not_exactly_one_address_is_refused(forwarded_for: list[bytes]) -> None:
    with pytest.raises(BadForwarding):
        gate().client(PROXY, claims(forwarded_for=forwarded_for))


@pytest.mark.parametrize(
    ("proto", "error"),
    [
        ([b"http"], ProxyBypassed),
        ([b"HTTPS"], ProxyBypassed),
        ([b"https, http"], ProxyBypassed),
        ([], BadForwarding),
        ([b"https", b"https"], BadForwarding),
    ],
)
def test_what_is_not_said_to_be_https_is_refused(
    proto: list[bytes], error: type[Exception]
) -> None:
    with pytest.raises(error):
        gate().client(PROXY, claims(proto=proto))


@pytest.mark.parametrize("host", [b"localhost", b"localhost:8443", b"LOCALHOST", b"LocalHost:1"])
def test_our_own_name_is_known_in_any_case_with_any_port(host: bytes) -> None:
    assert gate().client(PROXY, claims(host=[host]))


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"evil-localhost",
        b"localhost.",
        b"127.0.0.1",
        b"[::1]",
    ],
)
def test_another_name_is_refused(host: bytes) -> None:
    with pytest.raises(WrongHost):
        gate().client(PROXY, claims(host=[host]))


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b""],
        [b"localhost", b"localhost"],
        [b"localhost:"],
        [b"localhost:x"],
        [b"localhost:1:2"],
        [b"user@localhost"],
        [b"localhost/x"],
        [b"localhost, evil.example"],
        [b"localhost evil.example"],
        [b"local\xff"],
    ],
)
def test_what_is_not_exactly_one_name_is_refused(hosts: list[bytes]) -> None:
    with pytest.raises(BadForwarding):
        gate().client(PROXY, claims(host=hosts))


def test_several_names_may_be_allowed() -> None:
    named = gate(allowed_hosts="API.example.com, [::1]")
    assert named.client(PROXY, claims(host=[b"api.example.com:443"]))
    assert named.client(PROXY, claims(host=[b"[::1]:8443"]))
    with pytest.raises(WrongHost):
        named.client(PROXY, claims())


@pytest.mark.parametrize("host", ["*", "*.example.com", "https://x", "x:443", "x/y", "-x", "x..y"])
def test_a_host_setting_that_is_no_plain_name_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="without scheme, port or wildcard"):
        HttpsSettings(allowed_hosts=(host,))


def test_a_proxy_setting_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValidationError):
        HttpsSettings(trusted_proxies="nginx")


def test_only_a_lone_address_is_an_address() -> None:
    assert str(parse_address("::1")) == "::1"
    assert parse_address("::1%lo") is None
    assert parse_address("1.2.3") is None


async def _answer(
    peer: tuple[str, int] | None, headers: list[tuple[bytes, bytes]]
) -> tuple[Scope, list[Message], bool]:
    """Send one request through the middleware; return its scope, the answer, whether it got in."""
    entered = False

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        nonlocal entered
        entered = True

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "client": peer,
        "headers": headers,
        SCOPE_KEY: RequestContext("0" * 32),
    }
    await HttpsMiddleware(inner, HttpsSettings())(scope, receive, send)
    return scope, sent, entered


HEADERS = [(b"host", b"localhost"), (b"x-forwarded-for", CLIENT), (b"x-forwarded-proto", b"https")]


@pytest.mark.anyio
async def test_a_believed_request_has_its_true_client_and_scheme() -> None:
    scope, _, entered = await _answer((PROXY, 50_000), HEADERS)
    assert entered
    assert scope["client"] == ("198.51.100.7", 0)
    assert scope["scheme"] == "https"
    assert scope[SCOPE_KEY].client == "198.51.100.7"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        (("127.0.0.2", 1), HEADERS, 403),
        (None, HEADERS, 403),
        ((PROXY, 1), [(b"host", b"evil.example"), *HEADERS[1:]], 421),
        ((PROXY, 1), HEADERS[:1], 400),
    ],
)
async def test_a_refused_request_goes_no_further_and_changes_nothing(
    peer: tuple[str, int] | None, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    scope, sent, entered = await _answer(peer, headers)
    assert not entered
    assert sent[0]["status"] == status
    assert scope["client"] == peer
    assert scope["scheme"] == "http"
    assert scope[SCOPE_KEY].refused_by == "https"
    assert not any(b"evil" in value for _, value in sent[0]["headers"])
    assert b"evil" not in sent[1]["body"]
