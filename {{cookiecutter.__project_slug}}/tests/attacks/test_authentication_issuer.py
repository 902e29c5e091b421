"""Layer 7 under attack where another issuer makes the tokens: forged ones, and stolen identities.

What the issuer itself does wrong: `…_issuer_outages.py`.
"""

from __future__ import annotations

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.forgery import ME, base64url, rs256, status_with
from tests.issuer import IGNORED, SECRET, key_named, statuses
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.issuer import Issuer
    from tests.stack import Stack

METADATA = "/.well-known/oauth-protected-resource"


def account_of(stack: Stack, token: str) -> dict[str, Any]:
    """Return who the service says its bearer is."""
    answer = stack.client().get(ME, headers={"Authorization": f"Bearer {token}"})
    account: dict[str, Any] = answer.raise_for_status().json()
    return account


def weak_token(issuer: Issuer) -> str:
    head, claims, _ = issuer.token("weak", key_named("first")).split(".")
    signing_input = f"{head}.{claims}".encode()
    return f"{head}.{claims}.{base64url(rs256(key_named('weak', 1024), signing_input))}"


FORGERIES: dict[str, Callable[[Issuer, Issuer], str]] = {
    "an unpublished key": lambda issuer, _: issuer.token("mine", key_named("mine")),
    "an unpublished key under a published name": lambda issuer, _: issuer.token(
        "first", key_named("mine")
    ),
    "one good key under the name of the other": lambda issuer, _: issuer.token(
        "first", key_named("other")
    ),
    "a stranger's key of the same name": lambda issuer, _: issuer.token(
        "first", key_named("stranger")
    ),
    "a stranger's whole token": lambda _, stranger: stranger.token("first", key_named("stranger")),
    "a stranger's name": lambda issuer, stranger: issuer.token(iss=stranger.url),
    "a key that a stranger offers": lambda issuer, stranger: issuer.token(
        "first", key_named("stranger"), {"jku": stranger.jwks_url}
    ),
    "a weak key": lambda issuer, _: weak_token(issuer),
    "a key for encryption": lambda issuer, _: issuer.token("encryption"),
    "a key for another algorithm": lambda issuer, _: issuer.token("padding"),
    "a private key that was published": lambda issuer, _: issuer.token("private"),
    "the first of two keys of one name": lambda issuer, _: issuer.token("twice"),
    "the second of two keys of one name": lambda issuer, _: issuer.token(
        "twice", key_named("twice again")
    ),
    "a secret that was published": lambda issuer, _: jwt.encode(
        jwt.decode(issuer.token(), options={"verify_signature": False}),
        SECRET,
        algorithm="HS256",
        headers={"kid": "secret", "typ": "at+jwt"},
    ),
    "an ID token": lambda issuer, _: issuer.token(headers={"typ": "JWT"}),
    "another service's": lambda issuer, _: issuer.token(aud="another-service"),
    "nobody's": lambda issuer, _: issuer.token(sub=None),
    "without an end": lambda issuer, _: issuer.token(exp=None),
    "without a beginning": lambda issuer, _: issuer.token(iat=None),
    "living for a month": lambda issuer, _: issuer.token(exp=2_000_000_000),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_attack_a_token_that_the_issuer_did_not_make_for_us_is_refused(
    trusting: Stack, issuer: Issuer, stranger: Issuer, forgery: str
) -> None:
    token = FORGERIES[forgery](issuer, stranger)
    answer = trusting.client().get(ME, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert status_with(trusting, token) == 401
    assert stranger.fetches == 0


@pytest.mark.parametrize("kid", ["first", "other"])
def test_twin_a_token_of_the_issuer_opens_the_door_on_every_worker(
    trusting: Stack, issuer: Issuer, kid: str
) -> None:
    assert statuses(trusting, issuer.token(kid)) == {200}


def test_attack_a_key_that_should_not_count_is_seen_in_the_log(trusting: Stack) -> None:
    def told() -> set[str]:
        lines = trusting.log_lines(event="key_ignored", since={})
        return {str(line["app.kid"]) for line in lines}

    assert wait_until(lambda: told() == IGNORED, "every key that is ignored is named")


ISSUERS_OWN = ("signup", "login", "refresh", "logout", "logout-everywhere", "change-password")


@pytest.mark.parametrize("name", ISSUERS_OWN)
def test_attack_no_door_that_makes_or_ends_tokens_of_our_own_is_there(
    trusting: Stack, issuer: Issuer, name: str
) -> None:
    headers = {"Authorization": f"Bearer {issuer.token()}"}
    answer = trusting.client(headers=headers).post(f"/api/v1/accounts/{name}", json={})
    assert answer.status_code == 404


def test_attack_no_key_of_ours_is_published_beside_the_issuers(trusting: Stack) -> None:
    assert trusting.client().get("/.well-known/jwks.json").status_code == 404


def test_twin_the_service_says_whose_tokens_count(trusting: Stack, issuer: Issuer) -> None:
    answer = trusting.client().get(METADATA)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    said = answer.json()
    assert said["resource"] == trusting.https_url
    assert said["authorization_servers"] == [issuer.url]
    assert said["bearer_methods_supported"] == ["header"]


def challenge_of(answer: httpx.Response) -> str:
    assert answer.status_code == 401
    challenge: str = answer.headers["www-authenticate"]
    return challenge


def test_twin_whoever_is_refused_is_led_to_the_issuer(trusting: Stack, issuer: Issuer) -> None:
    client = trusting.client()
    challenge = challenge_of(client.get(ME))
    assert "error" not in challenge
    found = re.fullmatch(r'Bearer realm="api", resource_metadata="([^"]+)"', challenge)
    assert found is not None
    assert client.get(found[1]).json()["authorization_servers"] == [issuer.url]


def test_attack_no_answer_tells_why_a_token_does_not_count(
    trusting: Stack, issuer: Issuer, stranger: Issuer
) -> None:
    def told(token: str) -> tuple[object, ...]:
        answer = trusting.client().get(ME, headers={"Authorization": f"Bearer {token}"})
        body = answer.json() | {"request_id": ""}
        return (challenge_of(answer), tuple(body.items()), tuple(sorted(answer.headers)))

    wrong = [
        "rubbish",
        issuer.token(exp=1),
        *(make(issuer, stranger) for make in FORGERIES.values()),
    ]
    assert len({told(token) for token in wrong}) == 1


def test_attack_one_user_of_the_issuer_is_never_another(trusting: Stack, issuer: Issuer) -> None:
    names = ["ann", "Ann", "ann ", "ann/", "a\u0308nn", "\u00e4nn", '{"sub": "ann"}']
    ids = {account_of(trusting, issuer.token(sub=name))["id"] for name in names}
    assert len(ids) == len(names)


def test_twin_a_user_of_the_issuer_is_the_same_with_every_token_and_key(
    trusting: Stack, issuer: Issuer
) -> None:
    accounts = [account_of(trusting, issuer.token(kid, sub="ann")) for kid in ("first", "other")]
    assert accounts[0] == accounts[1]
    assert (accounts[0]["role"], accounts[0]["email"]) == ("user", None)


def test_attack_twenty_first_requests_of_a_user_at_once_make_one_account(
    trusting: Stack, issuer: Issuer
) -> None:
    token = issuer.token(sub=secrets.token_hex(8))
    clients = [trusting.client() for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda client: client.get(ME, headers={"Authorization": f"Bearer {token}"}), clients
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_attack_a_disabled_user_stays_out_whatever_the_issuer_says(
    trusting: Stack, issuer: Issuer
) -> None:
    token = issuer.token(sub="mallory")
    user = account_of(trusting, token)["id"]
    trusting.command("app.accounts", "disable", user)
    assert statuses(trusting, token) == {401}
    assert statuses(trusting, issuer.token(sub="mallory")) == {401}
    assert statuses(trusting, issuer.token(sub="ann")) == {200}
