"""Layer 7 under attack: what its refusals give away. They should all be the same one."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.forgery import ME, REFRESH, Forger, base64url

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.stack import Stack

LOGIN = "/api/v1/accounts/login"
NEVER_ALIKE = {"date", "x-request-id"}


def seen(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]], str]:
    """Return everything of an answer that a client sees, but for the request's own name."""
    headers = sorted(pair for pair in answer.headers.multi_items() if pair[0] not in NEVER_ALIKE)
    body = answer.text.replace(answer.headers["x-request-id"], "-")
    return answer.status_code, answer.reason_phrase, headers, body


def shown(stack: Stack, token: str) -> httpx.Response:
    return stack.client().get(ME, headers={"Authorization": f"Bearer {token}"})


def _ended(stack: Stack, _: Forger) -> str:
    user = stack.signup()
    assert user.client.post("/api/v1/accounts/logout").status_code == 204
    return user.access_token


def _disabled(stack: Stack, _: Forger) -> str:
    user = stack.signup()
    stack.command("app.accounts", "disable", user.email)
    return user.access_token


def _expired(_: Stack, forger: Forger) -> str:
    now = int(time.time())
    return forger.token(claims=forger.claims(iat=now - 600, exp=now - 60))


REFUSED: dict[str, Callable[[Stack, Forger], str]] = {
    "rubbish": lambda _, __: "rubbish",
    "unsigned": lambda _, forger: forger.token(forger.header(alg="none"), sign=lambda _: b"\0"),
    "forged": lambda _, forger: forger.token(sign=lambda _: bytes(384)),
    "of another key": lambda _, forger: forger.token(forger.header(kid="other")),
    "of another type": lambda _, forger: forger.token(forger.header(typ="JWT")),
    "of another issuer": lambda _, forger: forger.token(claims=forger.claims(iss="https://a.test")),
    "for another audience": lambda _, forger: forger.token(claims=forger.claims(aud="other")),
    "without claims": lambda _, forger: forger.token(claims={}),
    "too long": lambda _, __: "a" * 5_000,
    "of nobody": lambda _, forger: forger.token(claims=forger.claims(sub=str(uuid.uuid4()))),
    "of no session": lambda _, forger: forger.token(claims=forger.claims(sid=str(uuid.uuid4()))),
    "expired": _expired,
    "of a session that was ended": _ended,
    "of a user who was disabled": _disabled,
}


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "rubbish"])
def test_attack_asking_why_a_token_is_refused(stack: Stack, forger: Forger, name: str) -> None:
    """Byte for byte the answer to rubbish: forged, expired, revoked and unknown look alike."""
    refused = shown(stack, REFUSED[name](stack, forger))
    assert refused.status_code == 401
    assert seen(refused) == seen(shown(stack, "rubbish"))
    assert stack.log_lines("authn_token_invalid", request_id=refused.headers["x-request-id"])


def test_attack_what_was_sent_is_neither_repeated_nor_logged(stack: Stack, forger: Forger) -> None:
    mark = "fEeDfAcE" * 4
    token = forger.token(
        forger.header(kid=mark, note=mark), forger.claims(iss=mark), lambda _: b"a"
    )
    answer = shown(stack, token)
    everything = str(answer.headers) + answer.text
    stack.log_lines("authn_token_invalid", request_id=answer.headers["x-request-id"])
    everything += "".join(stack.logs_since_mark().values())
    for secret in (mark, base64url(mark.encode("ascii"))[:30], token[-30:], token[:30]):
        assert secret not in everything


def test_attack_asking_which_refresh_tokens_there_were(stack: Stack, forger: Forger) -> None:
    """Unknown, of an ended session, of a disabled user, or an access token: one answer."""
    ended, disabled = stack.signup(), stack.signup()
    ended.client.post("/api/v1/accounts/logout")
    stack.command("app.accounts", "disable", disabled.email)
    tokens = [ended.refresh_token, disabled.refresh_token, "a" * len(ended.refresh_token)]
    answers = [stack.client().post(REFRESH, json={"refresh_token": token}) for token in tokens]
    assert {answer.status_code for answer in answers} == {401}
    assert seen(answers[0]) == seen(answers[1]) == seen(answers[2])
    longer = stack.client().post(REFRESH, json={"refresh_token": forger.token()})
    assert longer.status_code in {401, 422}


@pytest.mark.parametrize("state", ["unknown", "disabled", "another password"])
def test_attack_asking_which_accounts_there_are(stack: Stack, state: str) -> None:
    """One answer to every login that fails, whoever it is for."""
    known, other = stack.signup(), stack.signup()
    wrong: dict[str, Any] = {"email": known.email, "password": "Wrong-horse-7"}
    expected = stack.client().post(LOGIN, json=wrong)
    if state == "disabled":
        stack.command("app.accounts", "disable", other.email)
    given = {
        "unknown": {"email": "nobody-at-all@example.com", "password": other.password},
        "disabled": {"email": other.email, "password": other.password},
        "another password": {"email": known.email, "password": other.password},
    }[state]
    answer = stack.client().post(LOGIN, json=given)
    assert answer.status_code == 401
    assert seen(answer) == seen(expected)


def test_attack_a_stranger_learns_nothing_from_a_path_or_body(stack: Stack) -> None:
    """Without a token every door of the service answers alike, whatever stands behind it."""
    client = stack.client()
    expected = seen(client.get(ME))[0], seen(client.get(ME))[3]
    for method, path, body in (
        ("PATCH", ME, {"display_name": "x" * 10_000}),
        ("PATCH", ME, {"role": "admin"}),
        ("GET", "/api/v1/admin/users", None),
        ("POST", "/api/v1/accounts/logout", None),
    ):
        answer = seen(client.request(method, path, json=body))
        assert (answer[0], answer[3]) == expected


def test_attack_the_challenge_names_no_host_of_the_clients(stack: Stack) -> None:
    """What a client wrote must not come back as the place where it finds its issuer."""
    for headers in (
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example"},
        {"X-Host": "evil.example"},
        {"Host": "evil.example"},
        {"Host": 'localhost", error="x'},
    ):
        answer = stack.client().get(ME, headers=headers)
        assert answer.status_code in {400, 401, 421}
        assert "evil" not in str(answer.headers)
        assert 'error="x' not in str(answer.headers)


# Twins


def test_twin_who_sent_no_token_is_told_of_no_error(stack: Stack) -> None:
    """RFC 6750 §3.1; and where to find out how to get one (RFC 9728 §5.1)."""
    challenge = stack.client().get(ME).headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="api"')
    assert "error" not in challenge
    assert "/.well-known/oauth-protected-resource" in challenge


def test_twin_who_sent_one_that_does_not_count_is_told_so(stack: Stack) -> None:
    """RFC 6750 §3: the client knows that it needs another, and not why."""
    challenge = shown(stack, "rubbish").headers["www-authenticate"]
    assert 'error="invalid_token"' in challenge
    assert "error_description" not in challenge


def test_twin_a_good_token_gets_no_challenge(stack: Stack, forger: Forger) -> None:
    answer = shown(stack, forger.token())
    assert answer.status_code == 200
    assert "www-authenticate" not in answer.headers


def test_twin_the_log_says_why_without_the_token(stack: Stack, forger: Forger) -> None:
    """What the client is not told, the operator is."""
    reasons = []
    for name in ("forged", "of another key", "of another type"):
        answer = shown(stack, REFUSED[name](stack, forger))
        identity = answer.headers["x-request-id"]
        (line,) = stack.log_lines("authn_token_invalid", request_id=identity)
        reasons.append(line["app.reason"])
    assert len(set(reasons)) == 3


def test_twin_the_challenge_leads_to_a_description_of_the_service(stack: Stack) -> None:
    """A client that knows nothing but the address finds the issuer and the scopes."""
    client = stack.client()
    challenge = client.get(ME).headers["www-authenticate"]
    address = challenge.split('resource_metadata="')[1].split('"')[0]
    assert address.startswith("https://localhost")
    described = json.loads(client.get(address.partition("localhost")[2].partition("/")[2]).text)
    assert described["bearer_methods_supported"] == ["header"]
    assert described["authorization_servers"]
