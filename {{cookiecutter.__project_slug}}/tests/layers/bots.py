"""Requests as the bots layer sees them, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.request_context import SCOPE_KEY, RequestContext

if TYPE_CHECKING:
    from starlette.types import Scope

STRANGER = "192.0.2.1"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BINGBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"

BROWSER_HEADERS = {
    "accept": "*/*",
    "accept-language": "en-GB,en;q=0.9",
    "sec-ch-ua": '"Chromium";v="142", "Not_A Brand";v="99"',
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "same-origin",
    "x-tls-grease": "1",
}
"""What a current browser of Chromium's family sends, and what nginx says of its handshake."""


def scope_of(
    *user_agents: str, client: str = STRANGER, scheme: str = "https", **headers: str | None
) -> Scope:
    """Return a request with these user agents and headers; `sec_ch_ua` stands for `sec-ch-ua`."""
    fields = [(b"host", b"api.example")]
    fields += [(b"user-agent", user_agent.encode("latin-1")) for user_agent in user_agents]
    fields += [
        (name.replace("_", "-").encode("ascii"), value.encode("latin-1"))
        for name, value in headers.items()
        if value is not None
    ]
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "scheme": scheme,
        "path": "/api/ok",
        "headers": fields,
        SCOPE_KEY: RequestContext("0" * 32, client),
    }
    return scope


def from_browser(user_agent: str, **changed: str | None) -> Scope:
    """Return a request of a browser, with these headers changed, or left out when None."""
    headers: dict[str, Any] = {**BROWSER_HEADERS}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return scope_of(user_agent, **headers)
