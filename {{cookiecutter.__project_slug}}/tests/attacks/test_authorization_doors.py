"""Layer 8 under attack: the same doors by other methods, other spellings and other ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.forgery import ME, Forger
from tests.raw import Answer, ask, open_tls, request
from tests.raw_http2 import Http2, get

if TYPE_CHECKING:
    from tests.stack import Stack

USERS = "/api/v1/admin/users"
LOGOUT = "/api/v1/accounts/logout"
SECRETS = (b"@example.com", b"disabled_at", b"next_cursor")
"""What stands in an answer that only an administrator may get."""


def asked(
    stack: Stack, token: str | None, *lines: str, method: str = "GET", target: str = USERS
) -> Answer:
    """Return the answer to a request, byte for byte as it is given."""
    carried = [] if token is None else [f"Authorization: Bearer {token}"]
    return ask(open_tls(stack), request(target, *carried, *lines, method=method))


def assert_shut(answer: Answer, *statuses: int) -> None:
    """Assert that the door stayed shut, and that nothing came through."""
    assert answer.status in statuses, answer
    assert not any(secret in answer.body for secret in SECRETS)


@pytest.mark.parametrize(
    "method",
    ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY", "get", "X"],
)
def test_attack_another_method_at_an_administrators_door(
    stack: Stack, forger: Forger, method: str
) -> None:
    """A rule that was written for GET must not be all there is."""
    for token in (None, forger.token()):
        assert_shut(asked(stack, token, method=method), 400, 401, 403, 404, 405)


@pytest.mark.parametrize(
    "name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
def test_attack_a_method_named_in_a_header(stack: Stack, forger: Forger, name: str) -> None:
    token = forger.token()
    assert_shut(asked(stack, token, f"{name}: GET", "Content-Length: 0", method="POST"), 405)
    assert_shut(asked(stack, token, f"{name}: POST"), 403)
    assert_shut(asked(stack, None, f"{name}: OPTIONS"), 401)


@pytest.mark.parametrize("query", ["_method=GET", "method=GET", "role=admin", "admin=true"])
def test_attack_a_method_or_role_named_in_the_query(
    stack: Stack, forger: Forger, query: str
) -> None:
    assert_shut(asked(stack, forger.token(), target=f"{USERS}?{query}"), 403, 422)


@pytest.mark.parametrize(
    "line",
    [
        "X-Original-URL: /healthz",
        "X-Rewrite-URL: /healthz",
        "X-Forwarded-Prefix: /healthz",
        "X-Forwarded-For: 127.0.0.1",
        "X-Real-IP: 127.0.0.1",
        "Forwarded: for=127.0.0.1",
        "X-Forwarded-User: admin",
        "X-Remote-User: admin",
        "Remote-User: admin",
        "X-Authenticated-User: admin",
        "X-User-Role: admin",
        "X-Role: admin",
        "X-Admin: true",
        "X-Scope: admin",
        "X-Internal: true",
        "X-Custom-IP-Authorization: 127.0.0.1",
        "X-SSL-Client-Verify: SUCCESS",
        "X-Middleware-Subrequest: app:app:app:app:app",
        "Upgrade: h2c",
        "Cookie: role=admin; admin=1",
        "Referer: https://localhost/api/v1/admin/users",
    ],
)
def test_attack_a_header_that_claims_more(stack: Stack, forger: Forger, line: str) -> None:
    """Nothing that a client writes says who it is, but the token."""
    assert_shut(asked(stack, forger.token(), line), 403)
    assert_shut(asked(stack, None, line), 401)


@pytest.mark.parametrize(
    "target",
    [
        f"{USERS}/",
        f"{USERS}/.",
        f"{USERS}/..",
        f"{USERS}//",
        f"{USERS}%20",
        f"{USERS}%09",
        f"{USERS}%00",
        f"{USERS};a=b",
        f"{USERS}.json",
        f"{USERS}%2f",
        f"{USERS}%3f",
        "/api/v1/admin//users",
        "/api/v1//admin/users",
        "//api/v1/admin/users",
        "/./api/v1/admin/users",
        "/api/v1/ADMIN/users",
        "/API/v1/admin/users",
        "/api/v1/admin%2fusers",
        "/api/v1/%61dmin/users",
        "/api/v1/%2561dmin/users",
        "/api/v1/accounts/../admin/users",
        "/api/v1/accounts/%2e%2e/admin/users",
        "/api/v1/accounts/..;/admin/users",
        "/healthz/../api/v1/admin/users",
        "/.well-known/../api/v1/admin/users",
        "/api/v1/admin/users#",
        "/api/v1/\u0430dmin/users".encode().decode("latin-1"),
        "https://localhost/api/v1/admin/users",
    ],
    ids=ascii,
)
def test_attack_another_spelling_of_a_path(stack: Stack, forger: Forger, target: str) -> None:
    """Whatever nginx and the application make of it, they come to the same door or to none."""
    assert_shut(asked(stack, forger.token(), target=target), 400, 403, 404)
    assert_shut(asked(stack, None, target=target), 400, 401, 404)


def test_attack_going_around_the_edge(stack: Stack, forger: Forger) -> None:
    """The application itself asks, too: whoever reaches it without nginx is no administrator."""
    with stack.client(base_url=stack.app_url) as client:
        carried = {"Authorization": f"Bearer {forger.token()}"}
        assert client.get(USERS, headers=carried).status_code in {400, 403}
        assert client.get(USERS).status_code in {400, 401, 403}


def test_attack_a_stream_beside_an_administrators(
    stack: Stack, forger: Forger, administrator: Forger
) -> None:
    """Many ask over one connection; who one of them is, is nobody else's."""
    with Http2(stack) as connection:
        good = connection.ask(get(USERS, ("authorization", f"Bearer {administrator.token()}")), 1)
        assert good.status == 200
        assert_shut(connection.ask(get(USERS), 3).answer, 401)
        mine = ("authorization", f"Bearer {forger.token()}")
        assert_shut(connection.ask(get(USERS, mine), 5).answer, 403)


def test_attack_a_request_behind_an_administrators_on_one_connection(
    stack: Stack, forger: Forger, administrator: Forger
) -> None:
    client = stack.client()
    carried = {"Authorization": f"Bearer {administrator.token()}"}
    for _ in range(3):
        assert client.get(USERS, headers=carried).status_code == 200
        assert client.get(USERS).status_code == 401
        mine = {"Authorization": f"Bearer {forger.token()}"}
        assert client.get(USERS, headers=mine).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"role": "admin"},
        {"display_name": "x", "role": "admin"},
        {"display_name": "x", "id": "00000000-0000-4000-8000-000000000000"},
        {"display_name": "x", "email": "other@example.com"},
        {"display_name": "x", "password_hash": "x"},
        {"display_name": "x", "created_at": "2020-01-01T00:00:00Z"},
        {"display_name": "x", "disabled_at": None},
        {"display_name": "x", "__class__": "Admin"},
        {"display_name": "x", "scopes": ["admin"]},
        {"display_name": {"role": "admin"}},
        [{"display_name": "x"}],
    ],
    ids=ascii,
)
def test_attack_a_property_that_is_not_the_users_to_set(stack: Stack, body: object) -> None:
    """OWASP API3: what is not named in the input is refused, not ignored."""
    user = stack.signup()
    before = user.client.get(ME).json()
    assert user.client.patch(ME, json=body).status_code == 422
    assert user.client.get(ME).json() == before


def test_attack_a_property_that_is_not_a_strangers_to_set(stack: Stack) -> None:
    given = {"email": "mass@example.com", "password": "Correct-horse-7"}
    for name, value in (("role", "admin"), ("id", 1), ("disabled_at", None), ("scope", "admin")):
        answer = stack.client().post("/api/v1/accounts/signup", json=given | {name: value})
        assert answer.status_code == 422


# Twins


def test_twin_an_administrator_gets_in_by_the_right_door(
    stack: Stack, administrator: Forger
) -> None:
    answer = asked(stack, administrator.token())
    assert answer.status == 200
    assert all(secret in answer.body for secret in SECRETS)


@pytest.mark.parametrize("target", [USERS, f"{USERS}?limit=1", "/api/v1/%61dmin/users"])
def test_twin_an_honest_spelling_of_the_path(
    stack: Stack, administrator: Forger, target: str
) -> None:
    assert asked(stack, administrator.token(), target=target).status == 200


def test_twin_headers_of_proxies_take_nothing_from_an_administrator(
    stack: Stack, administrator: Forger
) -> None:
    lines = ["X-Role: user", "X-Forwarded-User: nobody", "X-HTTP-Method-Override: GET"]
    assert asked(stack, administrator.token(), *lines).status == 200


def test_twin_users_get_what_is_theirs_and_nothing_internal(stack: Stack) -> None:
    user = stack.signup()
    mine = user.client.get(ME).json()
    assert set(mine) == {"id", "email", "display_name", "role", "created_at"}
    assert user.client.patch(ME, json={"display_name": "Ann"}).json() == mine | {
        "display_name": "Ann"
    }


def test_twin_an_administrator_sees_no_password_either(stack: Stack, administrator: Forger) -> None:
    for account in asked(stack, administrator.token()).json()["items"]:
        assert set(account) == {
            "id", "email", "display_name", "role", "created_at", "disabled_at",
        }  # fmt: skip
