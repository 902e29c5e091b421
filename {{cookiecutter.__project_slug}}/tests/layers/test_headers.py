"""Layer 2: the policy, and that it is worn once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.layers.headers import HeadersMiddleware, HeadersSettings, policy

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio


async def answer_of(given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer that the inner application started with these."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": given})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    await HeadersMiddleware(inner, HeadersSettings())({"type": "http"}, receive, send)
    headers: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return headers


def test_the_policy_is_that_of_an_api() -> None:
    assert policy(HeadersSettings()) == {
        b"strict-transport-security": b"max-age=63072000; includeSubDomains",
        b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
        b"x-frame-options": b"DENY",
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
        b"permissions-policy": b"camera=(), geolocation=(), microphone=(), usb=()",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"cache-control": b"no-store",
    }


def test_preload_is_only_asked_for_when_set() -> None:
    assert b"preload" not in policy(HeadersSettings())[b"strict-transport-security"]
    asked = policy(HeadersSettings(hsts_preload=True))[b"strict-transport-security"]
    assert asked == b"max-age=63072000; includeSubDomains; preload"


async def test_an_answer_wears_every_header_once() -> None:
    names = [name for name, _ in await answer_of([(b"content-type", b"text/plain")])]
    assert sorted(names) == sorted([b"content-type", *policy(HeadersSettings())])


async def test_a_route_that_set_a_header_itself_keeps_it_and_its_cookies() -> None:
    given = [
        (b"cache-control", b"public, max-age=300"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    headers = await answer_of(given)
    assert headers[:3] == given
    assert [name for name, _ in headers].count(b"cache-control") == 1
