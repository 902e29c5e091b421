"""Layer 6 under attack: what is malformed, oversized or ambiguous reaches no handler."""

from __future__ import annotations

import gzip
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.forgery import Forger
    from tests.stack import Stack

SIGNUP = "/api/v1/accounts/signup"
PASSWORD = "Correct-horse-7"
CANARY = "Canary-5f2c-7"


def send(stack: Stack, body: bytes, content_type: str = "application/json") -> httpx.Response:
    return stack.client().post(SIGNUP, content=body, headers={"Content-Type": content_type})


def account(**more: Any) -> dict[str, Any]:
    return {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD} | more


@pytest.mark.parametrize(
    "body",
    [
        b'{"email": "a@example.com", "email": "b@example.com", "password": "Correct-horse-7"}',
        b'{"email": "a@example.com", "password": NaN}',
        b'{"email": "a@example.com", "password": Infinity}',
        b"[" * 50_000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        json.dumps(account()).encode("utf-16"),
        b"\xff\xfe",
        b'{"email": "a@example.com", "password": "Correct-horse-7"',
    ],
    ids=["duplicate", "nan", "infinity", "brackets", "deep", "utf-16", "bytes", "cut-off"],
)
def test_attack_a_malformed_body_is_a_400_and_not_a_crash(stack: Stack, body: bytes) -> None:
    answer = send(stack, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "a@example.com" not in answer.text


INVALID: dict[str, Any] = {
    "a role": {"role": "admin"},
    "a flag": {"is_admin": True},
    "an id": {"id": "1"},
    "an operator for an address": {"email": {"$gt": ""}},
    "an operator for a password": {"password": {"$ne": None}},
    "a number": {"password": 1234567890},
    "a truth": {"password": True},
    "a list": {"password": ["Correct-horse-7"]},
    "a NUL in an address": {"email": "a\x00@example.com"},
    "a NUL in a password": {"password": "Correct-horse-7\x00"},
}


def refused(answer: httpx.Response) -> bool:
    """Return whether an answer names fields and rules, and nothing else."""
    errors = answer.json().get("errors", [])
    named = bool(errors) and all(set(error) == {"field", "rule"} for error in errors)
    return answer.status_code == 422 and named


@pytest.mark.parametrize("what", INVALID)
def test_attack_an_invalid_body_is_refused_by_field_and_rule(stack: Stack, what: str) -> None:
    assert refused(send(stack, json.dumps(account(**INVALID[what])).encode()))


@pytest.mark.parametrize("body", ["{}", "[]", '"text"', "null", "1"])
def test_attack_a_body_that_is_no_account_is_refused(stack: Stack, body: str) -> None:
    assert refused(send(stack, body.encode()))


def test_attack_a_lone_surrogate_is_refused(stack: Stack) -> None:
    answer = send(stack, b'{"email": "a@example.com", "password": "Correct-\\ud800-horse-7"}')
    assert answer.status_code == 422


def test_attack_an_error_never_echoes_what_was_sent(stack: Stack) -> None:
    body = {"email": f"not-an-address-{CANARY}", "password": CANARY, f"extra-{CANARY}": CANARY}
    answer = send(stack, json.dumps(body).encode())
    assert answer.status_code == 422
    assert CANARY not in answer.text
    lines = stack.log_lines(
        event="input_validation_fail", request_id=answer.headers["x-request-id"]
    )
    assert lines
    assert CANARY not in json.dumps(lines)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
        "",
    ],
)
def test_attack_json_under_another_name_is_refused(stack: Stack, content_type: str) -> None:
    """A form or text/plain can be sent by a foreign page without a preflight."""
    assert send(stack, json.dumps(account()).encode(), content_type).status_code == 415


def test_attack_a_compressed_body_is_refused_unread(stack: Stack) -> None:
    bomb = gzip.compress(b'{"email": "' + b"a" * 10_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert stack.client().post(SIGNUP, content=bomb, headers=headers).status_code == 415


def test_attack_an_oversized_body_is_refused_with_and_without_a_length(stack: Stack) -> None:
    body = json.dumps(account(padding="x" * 100_000)).encode()
    assert send(stack, body).status_code == 413
    headers = {"Content-Type": "application/json"}
    chunks = (body[start : start + 8_192] for start in range(0, len(body), 8_192))
    assert stack.client().post(SIGNUP, content=chunks, headers=headers).status_code == 413


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "limit[$gt]=1", "limit%5B%5D=1", "admin=true", "limit;x=1"]
)
def test_attack_a_query_with_repeated_or_unknown_parameters_is_refused(
    stack: Stack, query: str
) -> None:
    answer = stack.signup().client.get(f"/api/v1/admin/users?{query}")
    assert answer.status_code == 422
    assert "admin" not in answer.text.replace("urn:problem", "")


def test_attack_a_query_of_many_parameters_is_refused_and_no_crash(stack: Stack) -> None:
    for query in ("&" * 60, "&".join(f"limit={number}" for number in range(60))):
        assert stack.client().get(f"/healthz?{query}").status_code == 422


def test_attack_two_content_types_are_refused(stack: Stack) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    answer = stack.client().post(SIGNUP, content=json.dumps(account()), headers=headers)
    assert answer.status_code in {400, 415}


def test_attack_text_that_grows_when_it_is_composed_is_held_to_its_bound(stack: Stack) -> None:
    client = stack.signup().client
    grown = client.patch("/api/v1/accounts/me", json={"display_name": "\ufb2c" * 200})
    assert grown.status_code == 422
    kept = client.patch("/api/v1/accounts/me", json={"display_name": "\ufb2c" * 60})
    assert kept.status_code == 200


def test_attack_an_address_that_folds_into_another_is_refused(stack: Stack) -> None:
    given = account(email="victim＠example.com@attacker.example")
    assert send(stack, json.dumps(given).encode()).status_code == 422


def test_attack_a_query_or_headers_without_end_are_refused(stack: Stack) -> None:
    assert stack.client().get(f"/healthz?{'a' * 3_000}").status_code == 414
    many = {f"X-Header-{number}": "x" for number in range(80)}
    assert stack.client().get("/healthz", headers=many).status_code in {400, 431}


def test_twin_a_body_as_it_should_be_is_taken(stack: Stack) -> None:
    assert send(stack, json.dumps(account()).encode()).status_code == 201
    utf8 = "application/json; charset=utf-8"
    assert send(stack, json.dumps(account()).encode(), utf8).status_code == 201


def test_twin_a_body_without_a_length_is_taken(stack: Stack) -> None:
    body = json.dumps(account()).encode()
    headers = {"Content-Type": "application/json"}
    answer = stack.client().post(SIGNUP, content=iter([body[:10], body[10:]]), headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("password", ["Password123!", "P@ssw0rd2024", "Qwerty12345", "Summer2025!"])
def test_attack_a_password_that_everybody_tries_first_is_refused(
    stack: Stack, password: str
) -> None:
    answer = send(stack, json.dumps(account(password=password)).encode())
    assert refused(answer)
    assert answer.json()["errors"] == [{"field": "body.password", "rule": "common_password"}]


@pytest.mark.parametrize("password", ["Correct horse 7 staple", "Пароль-не-простой-7", "A1" * 50])
def test_twin_a_password_of_ones_own_is_taken_and_opens(stack: Stack, password: str) -> None:
    given, client = account(password=password), stack.client()
    assert client.post(SIGNUP, json=given).status_code == 201
    assert client.post("/api/v1/accounts/login", json=given).status_code == 200


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9007199254740992", "1" * 5_000])
def test_attack_a_number_that_others_read_as_another_is_malformed(
    stack: Stack, number: str
) -> None:
    assert send(stack, f'{{"email": {number}}}'.encode()).status_code == 400


def test_twin_a_number_that_all_read_alike_is_read_and_then_refused_by_type(stack: Stack) -> None:
    assert refused(send(stack, b'{"email": 9007199254740991, "password": 0.5}'))


@pytest.mark.parametrize(
    "path", ["%ff", "%C0%AE%C0%AE", "%ED%A0%80", "%C2%85", "a%E2%80%A8b", "%1b[2J", "a%0d%0ab"]
)
def test_attack_a_path_that_is_no_text_or_breaks_a_line_is_refused(stack: Stack, path: str) -> None:
    answer = stack.client().get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:problem:malformed")


@pytest.mark.parametrize("path", ["O'Brien", "%C3%A4", "a%20b", "%E6%97%A5"])
def test_twin_a_path_of_text_is_looked_up(stack: Stack, path: str) -> None:
    assert stack.client().get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize("query", ["cursor=%ff", "cursor=%zz", "cursor=%00", "limit=%u0031"])
def test_attack_a_query_that_is_read_in_two_ways_is_refused(stack: Stack, query: str) -> None:
    assert refused(stack.signup().client.get(f"/api/v1/admin/users?{query}"))


def test_twin_a_query_of_known_parameters_is_taken(stack: Stack, administrator: Forger) -> None:
    client, who = stack.client(), administrator.account
    again = {"email": who.email, "password": who.password}  # for a token with the new role
    token = client.post("/api/v1/accounts/login", json=again).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    for query in ("", "limit=1", "%6Cimit=1", "limit=1&"):
        assert client.get(f"/api/v1/admin/users?{query}").status_code == 200, query


def test_twin_what_stands_within_all_bounds_is_taken(stack: Stack) -> None:
    """A body of the largest size, many headers, a coding that is none."""
    fields = {f"X-Header-{number}": "x" * 200 for number in range(40)}
    headers = fields | {"Content-Type": "application/json", "Content-Encoding": "identity"}
    body = json.dumps(account()).encode().ljust(65_536)
    assert stack.client().post(SIGNUP, content=body, headers=headers).status_code == 201


def test_twin_an_address_in_wide_letters_is_the_one_that_it_looks_like(stack: Stack) -> None:
    wide = account(email=f"Ａnn-{secrets.token_hex(4)}@Example.com")
    made = send(stack, json.dumps(wide).encode())
    assert (made.status_code, made.json()["email"]) == (
        201,
        wide["email"].replace("Ａ", "a").lower(),
    )
