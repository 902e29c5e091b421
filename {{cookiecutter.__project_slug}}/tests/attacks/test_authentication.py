"""Layer 7 under attack: stolen, replayed and ended sessions, over the wire.

Forged tokens are in the files beside this one: `…_algorithms`, `…_forms`, `…_claims`, `…_headers`
and `…_answers`.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.forgery import ME, REFRESH, Forger, base64url, rs256, status_with, unbase64url

if TYPE_CHECKING:
    from tests.stack import Account, Stack

LOGIN = "/api/v1/accounts/login"
LOGOUT = "/api/v1/accounts/logout"


def refreshed(stack: Stack, refresh_token: str) -> dict[str, str]:
    """Return the tokens that a refresh token was traded for."""
    answer = stack.client().post(REFRESH, json={"refresh_token": refresh_token})
    assert answer.status_code == 200
    tokens: dict[str, str] = answer.json()
    return tokens


def logged_in_again(stack: Stack, user: Account) -> dict[str, str]:
    """Return the tokens of another session of the same user."""
    given = {"email": user.email, "password": user.password}
    answer = stack.client().post(LOGIN, json=given)
    assert answer.status_code == 200
    tokens: dict[str, str] = answer.json()
    return tokens


def statuses_with(stack: Stack, token: str) -> set[int]:
    """Return what a dozen requests get, so that every worker is asked."""
    return {status_with(stack, token) for _ in range(12)}


def test_attack_a_token_signed_with_another_key_is_refused(stack: Stack, forger: Forger) -> None:
    other = rsa.generate_private_key(public_exponent=65_537, key_size=3072)
    assert status_with(stack, forger.token(sign=lambda data: rs256(other, data))) == 401


def test_attack_another_users_id_in_a_real_token_is_refused(stack: Stack, forger: Forger) -> None:
    head, body, signature = forger.account.access_token.split(".")
    mine, others = (user.user_id.encode() for user in (forger.account, stack.signup()))
    swapped = unbase64url(body).replace(mine, others)
    assert swapped != unbase64url(body)
    assert status_with(stack, f"{head}.{base64url(swapped)}.{signature}") == 401


def test_attack_parts_of_two_real_tokens_make_no_third(stack: Stack) -> None:
    mine, other = (stack.signup().access_token.split(".") for _ in range(2))
    for parts in ([mine[0], other[1], mine[2]], [mine[0], mine[1], other[2]]):
        assert status_with(stack, ".".join(parts)) == 401


def test_attack_a_token_that_was_believed_a_moment_ago_is_not_believed_longer(
    stack: Stack,
) -> None:
    """Every worker has verified it, and remembers that it did."""
    user = stack.signup()
    assert statuses_with(stack, user.access_token) == {200}
    changed = user.access_token[:-4] + ("AAAA" if user.access_token[-4:] != "AAAA" else "BBBB")
    assert statuses_with(stack, changed) == {401}
    assert statuses_with(stack, user.access_token + ".") == {401}
    assert user.client.post(LOGOUT).status_code == 204
    assert statuses_with(stack, user.access_token) == {401}


def test_attack_a_token_after_logging_out_is_refused_by_every_worker(stack: Stack) -> None:
    user = stack.signup()
    assert user.client.post(LOGOUT).status_code == 204
    assert statuses_with(stack, user.access_token) == {401}
    answer = stack.client().post(REFRESH, json={"refresh_token": user.refresh_token})
    assert answer.status_code == 401


def test_attack_a_token_of_before_a_refresh_ends_with_its_session_too(stack: Stack) -> None:
    """One session has many tokens; whoever logs out with one ends the others."""
    user = stack.signup()
    fresh = refreshed(stack, user.refresh_token)
    assert statuses_with(stack, fresh["access_token"]) == {200}
    assert user.client.post(LOGOUT).status_code == 204
    assert statuses_with(stack, user.access_token) == {401}
    assert statuses_with(stack, fresh["access_token"]) == {401}


def test_attack_a_disabled_users_tokens_are_refused_by_every_worker(stack: Stack) -> None:
    user = stack.signup()
    second = logged_in_again(stack, user)
    tokens = [user.access_token, second["access_token"]]
    for token in tokens:
        assert statuses_with(stack, token) == {200}
    stack.command("app.accounts", "disable", user.email)
    for token in tokens:
        assert statuses_with(stack, token) == {401}
    for token in (user.refresh_token, second["refresh_token"]):
        answer = stack.client().post(REFRESH, json={"refresh_token": token})
        assert answer.status_code == 401


def test_attack_a_stolen_refresh_token_ends_the_session_it_was_stolen_from(stack: Stack) -> None:
    """Its successor has been used: nobody has lost an answer, somebody has another's token."""
    user = stack.signup()
    second = refreshed(stack, user.refresh_token)
    third = refreshed(stack, second["refresh_token"])
    assert statuses_with(stack, third["access_token"]) == {200}
    replayed = stack.client().post(REFRESH, json={"refresh_token": user.refresh_token})
    assert replayed.status_code == 401
    for tokens in (second, third):
        assert statuses_with(stack, tokens["access_token"]) == {401}
        answer = stack.client().post(REFRESH, json={"refresh_token": tokens["refresh_token"]})
        assert answer.status_code == 401
    (line,) = stack.log_lines("authn_token_reuse", request_id=replayed.headers["x-request-id"])
    assert line["log.level"] == "critical"


def test_attack_a_refresh_token_used_by_twenty_at_once_has_one_successor_at_most(
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
    assert {answer.status_code for answer in answers} <= {200, 401}
    following = {answer.json()["refresh_token"] for answer in answers if answer.status_code == 200}
    assert len(following) <= 1


def test_attack_whoever_copies_the_database_finds_nothing_to_log_in_with(stack: Stack) -> None:
    """Digests only: of the refresh token a hash, of the password a slow one, of the other none."""
    user = stack.signup()
    path = Path(stack.service.settings["DATABASE__URL"].partition(":///")[2])
    copied = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert hashlib.sha256(user.refresh_token.encode()).digest() in copied
    assert b"$argon2id$" in copied
    for secret in (user.refresh_token, user.password, user.access_token, user.access_token[-40:]):
        assert secret.encode() not in copied


def test_attack_a_refresh_token_in_other_letters_is_another(stack: Stack) -> None:
    user = stack.signup()
    token = user.refresh_token
    for other in (
        token.swapcase(),
        token[:-1],
        token + "A",
        token + "=",
        f" {token}",
        token + "\0",
    ):
        answer = stack.client().post(REFRESH, json={"refresh_token": other})
        assert answer.status_code in {401, 422}
    assert status_with(stack, refreshed(stack, token)["access_token"]) == 200


def test_attack_an_access_token_is_no_refresh_token(stack: Stack, forger: Forger) -> None:
    claims = forger.theirs(forger.account)
    for other in (forger.account.access_token, claims["jti"], claims["sid"], claims["sub"]):
        answer = stack.client().post(REFRESH, json={"refresh_token": other})
        assert answer.status_code in {401, 422}


def test_attack_a_refresh_token_anywhere_but_in_the_body(stack: Stack) -> None:
    user = stack.signup()
    client = stack.client()
    places: list[dict[str, Any]] = [
        {"headers": {"Authorization": f"Bearer {user.refresh_token}"}},
        {"headers": {"Cookie": f"refresh_token={user.refresh_token}"}},
        {"params": {"refresh_token": user.refresh_token}},
        {"data": {"refresh_token": user.refresh_token}},
    ]
    for options in places:
        assert client.post(REFRESH, **options).status_code in {400, 415, 422}
    assert client.get(f"{REFRESH}?refresh_token={user.refresh_token}").status_code in {404, 405}
    refreshed(stack, user.refresh_token)


# Twins


def test_twin_a_token_of_the_service_opens_the_door(stack: Stack) -> None:
    assert statuses_with(stack, stack.signup().access_token) == {200}


def test_twin_a_session_is_refreshed_again_and_again(stack: Stack) -> None:
    token = stack.signup().refresh_token
    for _ in range(3):
        fresh = refreshed(stack, token)
        token = fresh["refresh_token"]
        assert status_with(stack, fresh["access_token"]) == 200


def test_twin_whoever_lost_the_answer_to_a_refresh_asks_for_it_again(stack: Stack) -> None:
    """A connection that broke at the wrong moment must not log anybody out."""
    user = stack.signup()
    first, again = (refreshed(stack, user.refresh_token) for _ in range(2))
    assert first["refresh_token"] == again["refresh_token"]
    assert status_with(stack, refreshed(stack, again["refresh_token"])["access_token"]) == 200


def test_twin_logging_out_leaves_another_session_of_the_same_user(stack: Stack) -> None:
    user = stack.signup()
    second = logged_in_again(stack, user)
    user.client.post(LOGOUT)
    assert statuses_with(stack, second["access_token"]) == {200}
    refreshed(stack, second["refresh_token"])


def test_twin_a_token_of_before_a_refresh_goes_on_until_its_end(stack: Stack) -> None:
    user = stack.signup()
    refreshed(stack, user.refresh_token)
    assert status_with(stack, user.access_token) == 200


def test_twin_a_disabled_user_takes_nobody_else_along(stack: Stack) -> None:
    user, other = stack.signup(), stack.signup()
    stack.command("app.accounts", "disable", user.email)
    assert statuses_with(stack, other.access_token) == {200}
    assert other.client.get(ME).json()["email"] == other.email
