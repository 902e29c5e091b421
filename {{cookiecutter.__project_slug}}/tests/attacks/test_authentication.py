"""Layer 7 under attack: forged, stolen, replayed and downgraded tokens, over the wire."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from tests.stack import Stack

ME = "/api/v1/accounts/me"
REFRESH = "/api/v1/accounts/refresh"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a token, unverified."""
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def status_with(stack: Stack, token: str) -> int:
    answer = stack.client().get(ME, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["detail"] == "A valid access token is needed."
    return answer.status_code


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
def test_attack_an_unsigned_token_is_refused(stack: Stack, algorithm: str) -> None:
    header, claims = parts_of(stack.signup().access_token)
    forged = f"{base64url(json.dumps(header | {'alg': algorithm}).encode())}."
    forged += f"{base64url(json.dumps(claims).encode())}."
    assert status_with(stack, forged) == 401


def test_attack_the_published_key_as_an_hmac_secret_is_refused(stack: Stack) -> None:
    header, claims = parts_of(stack.signup().access_token)
    (jwk,) = stack.client().get("/.well-known/jwks.json").json()["keys"]
    public = jwt.PyJWK(jwk).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = f"{base64url(json.dumps(header | {'alg': 'HS256'}).encode())}."
    signing_input += base64url(json.dumps(claims).encode())
    signature = hmac.new(public, signing_input.encode(), hashlib.sha256).digest()
    assert status_with(stack, f"{signing_input}.{base64url(signature)}") == 401


def test_attack_a_token_signed_with_another_key_is_refused(stack: Stack) -> None:
    header, claims = parts_of(stack.signup().access_token)
    other = rsa.generate_private_key(public_exponent=65_537, key_size=3072)
    forged = jwt.encode(claims, other, algorithm="RS256", headers=header)
    assert status_with(stack, forged) == 401


def test_attack_another_users_id_in_a_real_token_is_refused(stack: Stack) -> None:
    mine, other = stack.signup(), stack.signup()
    head, body, signature = mine.access_token.split(".")
    _, claims = parts_of(mine.access_token)
    _, others = parts_of(other.access_token)
    swapped = base64url(json.dumps(claims | {"sub": others["sub"]}).encode())
    assert status_with(stack, f"{head}.{swapped}.{signature}") == 401
    assert body != swapped


def test_attack_a_token_of_an_earlier_hour_is_refused(stack: Stack) -> None:
    """Signed with the service's own key, so that only its age speaks against it."""
    header, claims = parts_of(stack.signup().access_token)
    now = int(time.time())
    for iat, exp in ((now - 7_200, now - 3_600), (now, now + 10**8)):
        stale = stack.sign_token(claims | {"iat": iat, "exp": exp}, header)
        assert status_with(stack, stale) == 401


def test_attack_a_token_made_for_another_purpose_is_refused(stack: Stack) -> None:
    header, claims = parts_of(stack.signup().access_token)
    assert status_with(stack, stack.sign_token(claims, header | {"typ": "JWT"})) == 401
    assert status_with(stack, stack.sign_token(claims | {"aud": "other"}, header)) == 401
    assert status_with(stack, stack.sign_token(claims | {"iss": "https://evil"}, header)) == 401


def test_attack_a_token_after_logging_out_is_refused_by_every_worker(stack: Stack) -> None:
    user = stack.signup()
    assert user.client.post("/api/v1/accounts/logout").status_code == 204
    assert {status_with(stack, user.access_token) for _ in range(12)} == {401}
    answer = stack.client().post(REFRESH, json={"refresh_token": user.refresh_token})
    assert answer.status_code == 401


def test_attack_a_stolen_refresh_token_ends_the_session_it_was_stolen_from(stack: Stack) -> None:
    user = stack.signup()
    client = stack.client()
    fresh = client.post(REFRESH, json={"refresh_token": user.refresh_token}).json()
    replayed = client.post(REFRESH, json={"refresh_token": user.refresh_token})
    assert replayed.status_code == 401
    assert status_with(stack, fresh["access_token"]) == 401
    assert stack.log_lines(event="authn_token_reuse", request_id=replayed.headers["x-request-id"])


def test_attack_a_refresh_token_used_by_twenty_at_once_gives_tokens_once_at_most(
    stack: Stack,
) -> None:
    user = stack.signup()
    clients = [stack.client() for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda client: client.post(REFRESH, json={"refresh_token": user.refresh_token}),
                clients,
            )
        )
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) <= 1
    assert set(statuses) <= {200, 401}


def test_attack_two_authorization_headers_or_a_token_in_the_query_do_not_count(
    stack: Stack,
) -> None:
    token = stack.signup().access_token
    twice = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    assert stack.client().get(ME, headers=twice).status_code in {400, 401}
    assert stack.client().get(f"{ME}?access_token={token}").status_code in {401, 422}
    assert stack.client().get(ME, headers={"Cookie": f"access_token={token}"}).status_code == 401


def test_attack_a_wrong_password_and_an_unknown_user_look_alike(stack: Stack) -> None:
    user = stack.signup()
    client = stack.client()
    bodies = []
    for email in (user.email, "nobody-at-all@example.com"):
        given = {"email": email, "password": "Wrong-horse-7"}
        answer = client.post("/api/v1/accounts/login", json=given)
        assert answer.status_code == 401
        bodies.append(answer.json() | {"request_id": ""})
    assert bodies[0] == bodies[1]


def test_twin_a_token_of_the_service_opens_the_door(stack: Stack) -> None:
    user = stack.signup()
    assert {status_with(stack, user.access_token) for _ in range(12)} == {200}


def test_twin_a_token_rebuilt_to_the_letter_with_the_services_key_opens_it_too(
    stack: Stack,
) -> None:
    """Shows that the refusals above are for what each changed, not for being rebuilt."""
    header, claims = parts_of(stack.signup().access_token)
    assert status_with(stack, stack.sign_token(claims, header)) == 200


def test_twin_a_session_is_refreshed_again_and_again(stack: Stack) -> None:
    user, client = stack.signup(), stack.client()
    token = user.refresh_token
    for _ in range(3):
        fresh = client.post(REFRESH, json={"refresh_token": token})
        assert fresh.status_code == 200
        token = fresh.json()["refresh_token"]
        assert status_with(stack, fresh.json()["access_token"]) == 200


def test_twin_logging_out_leaves_another_session_of_the_same_user(stack: Stack) -> None:
    user, client = stack.signup(), stack.client()
    given = {"email": user.email, "password": user.password}
    second = client.post("/api/v1/accounts/login", json=given).json()
    user.client.post("/api/v1/accounts/logout")
    assert status_with(stack, second["access_token"]) == 200
