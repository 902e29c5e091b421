"""Layer 6 under attack: payloads for every interpreter reach the databases as the text they are."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest

from tests.injections import (
    BREAKING,
    HONEST,
    INJECTED,
    LINE_BREAKS,
    PAYLOADS,
    assert_one_line_each,
    everything,
)

if TYPE_CHECKING:
    import httpx

    from tests.stack import Account, Stack

ACCOUNTS = "/api/v1/accounts"
ME, LOGIN, SIGNUP = f"{ACCOUNTS}/me", f"{ACCOUNTS}/login", f"{ACCOUNTS}/signup"
SOME = [texts[0] for texts in PAYLOADS.values()] + [*PAYLOADS["sql"][:6], *PAYLOADS["nosql"]]
"""For what is limited to a few requests: each from an address of its own."""


@pytest.fixture(scope="module", params=["stack", "on_postgresql"], ids=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest) -> Stack:
    """The live service, on either database."""
    running: Stack = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="module")
def account(service: Stack) -> Account:
    """An account whose fields are filled again and again."""
    return service.signup()


def caller(service: Stack, account: Account) -> httpx.Client:
    """Return a client of the account with an address, and so with limits, of its own."""
    return service.client(headers={"Authorization": f"Bearer {account.access_token}"})


def kept(client: httpx.Client, name: str) -> tuple[int, Any]:
    """Return how a change of the name was answered, and the name that is read afterwards."""
    answer = client.patch(ME, json={"display_name": name})
    return answer.status_code, client.get(ME).json()["display_name"]


@pytest.mark.parametrize("kind", PAYLOADS)
def test_attack_a_name_that_an_interpreter_would_run(
    service: Stack, account: Account, kind: str
) -> None:
    client = caller(service, account)
    assert {name: kept(client, name) for name in PAYLOADS[kind]} == {
        name: (200, name) for name in PAYLOADS[kind]
    }


def test_twin_a_name_that_people_have(service: Stack, account: Account) -> None:
    client = caller(service, account)
    assert [kept(client, name) for name in HONEST] == [(200, name) for name in HONEST]


def test_attack_a_name_that_breaks_lines(service: Stack, account: Account) -> None:
    client = caller(service, account)
    assert kept(client, "as it was") == (200, "as it was")
    for name in (*BREAKING, *LINE_BREAKS):
        assert kept(client, name) == (422, "as it was")


def test_attack_an_address_that_an_interpreter_would_run(service: Stack) -> None:
    """As much of it as an address may hold is an account's; nobody else's is found by it."""
    mark = secrets.token_hex(4)
    for text in SOME:
        given = {"email": f"{text}@{mark}.example.com", "password": "Correct-horse-7"}
        client = service.client()
        statuses = [client.post(path, json=given).status_code for path in (LOGIN, SIGNUP)]
        assert statuses in ([401, 201], [422, 422]), text


def test_twin_an_address_with_an_apostrophe(service: Stack) -> None:
    client, address = service.client(), f"o'brien+{secrets.token_hex(8)}@example.com"
    given = {"email": address, "password": "Correct-horse-7"}
    assert client.post(SIGNUP, json=given).json()["email"] == address
    token = client.post(LOGIN, json=given).json()["access_token"]
    found = client.get(ME, headers={"Authorization": f"Bearer {token}"}).json()
    assert found["email"] == address


def test_attack_a_password_that_an_interpreter_would_run(service: Stack, account: Account) -> None:
    for text in SOME[::3]:
        given = {"email": account.email, "password": text}
        assert service.client().post(LOGIN, json=given).status_code == 401


def test_twin_a_password_that_an_interpreter_would_run(service: Stack) -> None:
    """Whoever wants one may have it: it is hashed, and never run."""
    given = {
        "email": f"{secrets.token_hex(8)}@example.com",
        "password": "'; DROP TABLE users; -- {{7*7}} $(id) 7A",
    }
    client = service.client()
    assert client.post(SIGNUP, json=given).status_code == 201
    assert client.post(LOGIN, json=given).status_code == 200


@pytest.mark.parametrize("field", ["email", "password", "scope", "device_token"])
def test_attack_an_operator_in_place_of_text(service: Stack, account: Account, field: str) -> None:
    given = {"email": account.email, "password": account.password}
    for operator in ({"$gt": ""}, {"$ne": None}, [""], {"": 1}, True, 0):
        answer = service.client().post(LOGIN, json=given | {field: operator})
        assert answer.status_code == 422, operator


def test_attack_payloads_in_the_path_the_query_and_the_headers_leave_one_line_each(
    service: Stack, account: Account
) -> None:
    """All that is written to the log of a request: its path, its user agent, who it is for."""
    answers, since = [], service.mark()
    for number, text in enumerate([*everything(), *BREAKING, *LINE_BREAKS]):
        if number % 20 == 0:
            client = caller(service, account)
        escaped = quote(text, safe="")
        # As it is, where a client can send it.
        is_field = not any(character < " " or character == "\x7f" for character in text)
        header = text.encode() if is_field else text.encode("unicode_escape")
        answers += [
            client.get(f"/api/v1/{escaped}"),
            client.get(f"{ME}?{escaped}={escaped}"),
            client.get(ME, headers={b"User-Agent": header, b"X-Request-ID": header}),
            client.get(ME, headers={b"Authorization": b"Bearer " + header}),
        ]
    assert {answer.status_code for answer in answers} <= {200, 400, 401, 403, 404, 414, 422}
    assert all(INJECTED not in unquote(answer.text) for answer in answers)
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert_one_line_each(service, since, answers)


def test_twin_an_honest_path_and_query_leave_one_line_each(
    service: Stack, account: Account
) -> None:
    client, since = caller(service, account), service.mark()
    answers = [client.get(f"/api/v1/{quote(text, safe='')}") for text in HONEST]
    answers.append(client.get(ME))
    assert [answer.status_code for answer in answers] == [404] * len(HONEST) + [200]
    assert_one_line_each(service, since, answers)


def test_attack_payloads_in_fields_leave_one_line_each(service: Stack, account: Account) -> None:
    """A refused field is named in the log; what it held is not there, and nor is a second event."""
    client, since = caller(service, account), service.mark()
    answers = [
        client.patch(ME, json={"display_name": text, text: INJECTED})
        for text in (*BREAKING, *LINE_BREAKS, *PAYLOADS["log"], *PAYLOADS["header"])
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert all(INJECTED not in answer.text for answer in answers)
    assert_one_line_each(service, since, answers)
    with service.log_path("app").open("rb") as file:
        file.seek(since["app"])
        assert INJECTED.encode() not in file.read()


def test_twin_after_all_of_it_everything_is_there(service: Stack, account: Account) -> None:
    """No table was dropped, no role was given, no statement is still asleep."""
    found = caller(service, account).get(ME).json()
    assert (found["email"], found["role"]) == (account.email, "user")
    again = {"email": account.email, "password": account.password}
    assert service.client().post(LOGIN, json=again).status_code == 200
    assert json.loads(service.client().get("/readyz").content)
