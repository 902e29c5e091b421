"""Layer 7: what a refused client is told, and where it is led."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from app.layers.authentication.challenges import (
    METADATA_PATH,
    Unauthenticated,
    insufficient_scope,
    resource_url,
    unauthenticated,
)
from tests.in_process import client_of, make_settings, running, sign_up

if TYPE_CHECKING:
    from pathlib import Path

ME = "/api/v1/accounts/me"
HERE = f'Bearer realm="api", resource_metadata="https://localhost{METADATA_PATH}"'
NAMES = ("localhost", "api.example.com", "[::1]")


def asking(*headers: tuple[str, str], hosts: tuple[str, ...] = ("localhost",)) -> Request:
    """Return a request with these headers, to a service that knows its names."""
    settings = SimpleNamespace(https=SimpleNamespace(allowed_hosts=NAMES))
    app = SimpleNamespace(state=SimpleNamespace(settings=settings))
    given = [*(("host", host) for host in hosts), *headers]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given]
    return Request({"type": "http", "headers": raw, "app": app})


@pytest.mark.parametrize(
    "authorizations",
    [(), ("",), ("Basic YTpi",), ("DPoP abc",), ("Bear",), ("xBearer abc",)],
    ids=repr,
)
def test_whoever_sends_no_token_is_told_where_to_get_one_and_of_no_error(
    authorizations: tuple[str, ...],
) -> None:
    refusal = unauthenticated(asking(*(("authorization", value) for value in authorizations)))
    assert refusal.status == 401
    assert refusal.headers == {"WWW-Authenticate": HERE}


@pytest.mark.parametrize(
    "authorizations",
    [
        ("Bearer abc",),
        ("bearer abc",),
        ("BEARER",),
        ("Bearer a", "Bearer b"),
        ("Basic x", "Bearer"),
    ],
    ids=repr,
)
def test_whoever_sends_a_token_is_told_that_it_does_not_count(
    authorizations: tuple[str, ...],
) -> None:
    refusal = unauthenticated(asking(*(("authorization", value) for value in authorizations)))
    assert refusal.headers == {"WWW-Authenticate": f'{HERE}, error="invalid_token"'}


def test_a_scope_that_is_too_small_is_told_with_the_ones_it_takes() -> None:
    challenge = insufficient_scope(asking(), ["notes:write", "notes:read"])
    assert challenge == f'{HERE}, error="insufficient_scope", scope="notes:read notes:write"'


def test_a_refusal_without_a_request_at_hand_names_the_scheme() -> None:
    assert Unauthenticated("No.").headers == {"WWW-Authenticate": 'Bearer realm="api"'}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost", "https://localhost"),
        ("API.example.com", "https://api.example.com"),
        ("localhost:8443", "https://localhost:8443"),
        ("[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_name_of_ours_is_where_we_are(host: str, url: str) -> None:
    assert resource_url(asking(hosts=(host,))) == url


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("evil.example",),
        ("localhost.evil.example",),
        ("evil.example", "localhost"),
        ("localhost", "localhost"),
        ('localhost", error="x',),
        ("localhost/evil",),
        ("localhost@evil.example",),
        ("evil.example:443@localhost",),
        ("localhost:8443/..",),
        ("localhost:123456",),
        ("localhost\r\nX: y",),
        ("",),
    ],
    ids=repr,
)
def test_what_a_client_calls_us_that_is_no_name_of_ours_does_not_come_back(
    hosts: tuple[str, ...],
) -> None:
    request = asking(hosts=hosts)
    assert resource_url(request) is None
    assert unauthenticated(request).headers == {"WWW-Authenticate": 'Bearer realm="api"'}


@pytest.mark.anyio
async def test_the_answers_of_the_service_wear_the_challenge_that_fits(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path)) as app, client_of(app) as client:
        answer = await client.get(ME)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, HERE)
        answer = await client.get(ME, headers={"Authorization": "Bearer rubbish"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == f'{HERE}, error="invalid_token"'
        await sign_up(client, "ann@example.com")
        answer = await client.get(ME)
        assert answer.status_code == 200
        assert "www-authenticate" not in answer.headers


@pytest.mark.anyio
async def test_the_place_that_a_challenge_names_describes_the_service(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path)) as app, client_of(app) as client:
        answer = await client.get(METADATA_PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.json() == {
        "resource": "https://localhost",
        "authorization_servers": ["https://localhost"],
        "scopes_supported": sorted(app.state.scopes),
        "bearer_methods_supported": ["header"],
    }
    assert "account" in app.state.scopes
