"""Layer 3 under attack: what a page asks beforehand, and a foreign one is told nothing of."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.pages import ALLOWED, EVIL, assert_refused, grants

if TYPE_CHECKING:
    from tests.stack import Stack

PASSWORD = "Correct-horse-7"
SIGNUP = "/api/v1/accounts/signup"
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


@pytest.mark.parametrize("origin", [EVIL, "null"])
@pytest.mark.parametrize("path", ["/api/v1/accounts/me", "/nowhere", "/healthz"])
def test_attack_a_preflight_from_a_foreign_page_grants_nothing(
    stack: Stack, origin: str, path: str
) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
    assert_refused(stack.client().options(path, headers=headers))


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("TRACE", ""),
        ("CONNECT", ""),
        ("PROPFIND", ""),
        ("post", ""),
        ("*", ""),
        ("POST", "x-forwarded-for"),
        ("POST", "authorization, x-original-url"),
        ("POST", "cookie"),
        ("POST", "*"),
    ],
)
def test_attack_a_preflight_for_what_we_do_not_take_grants_nothing(
    stack: Stack, method: str, names: str
) -> None:
    headers = {"Origin": ALLOWED, "Access-Control-Request-Method": method}
    headers |= {"Access-Control-Request-Headers": names} if names else {}
    answer = stack.client().options(SIGNUP, headers=headers)
    assert_refused(answer)
    assert answer.headers.get_list("vary") == [PREFLIGHT_VARY]


def test_attack_a_public_page_is_not_let_into_a_private_network(stack: Stack) -> None:
    headers = {
        "Origin": ALLOWED,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
        "Access-Control-Request-Local-Network": "true",
    }
    answer = stack.client().options(SIGNUP, headers=headers)
    assert [name for name in grants(answer) if name.endswith("-network")] == []


def test_twin_an_allowed_page_may_write_after_its_preflight(stack: Stack) -> None:
    client = stack.client()
    headers = {
        "Origin": ALLOWED,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    granted = client.options(SIGNUP, headers=headers)
    assert granted.status_code == 204
    assert granted.headers.get_list("access-control-allow-origin") == [ALLOWED]
    assert granted.headers.get_list("vary") == [PREFLIGHT_VARY]
    assert "POST" in granted.headers["access-control-allow-methods"]
    given = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    headers = {"Origin": ALLOWED, "Sec-Fetch-Site": "cross-site"}
    assert client.post(SIGNUP, json=given, headers=headers).status_code == 201
