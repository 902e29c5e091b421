"""Layer 7 under attack: taking an account over, and sessions that outlive what ended them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.forgery import ME, REFRESH, status_with

if TYPE_CHECKING:
    import httpx

    from tests.stack import Account, Stack

ACCOUNTS = "/api/v1/accounts"
LOGIN, CHANGE = f"{ACCOUNTS}/login", f"{ACCOUNTS}/change-password"
LOGOUT_EVERYWHERE = f"{ACCOUNTS}/logout-everywhere"
USERS = "/api/v1/admin/users"
NEW = "Another-horse-8"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def login(stack: Stack, user: Account, **changes: str) -> httpx.Response:
    """Log in from an address of its own."""
    given = {"email": user.email, "password": user.password} | changes
    return stack.client().post(LOGIN, json=given)


def tokens_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def statuses_with(stack: Stack, token: str) -> set[int]:
    """Return what a dozen requests get, so that every worker is asked."""
    return {status_with(stack, token) for _ in range(12)}


def refresh_status(stack: Stack, token: str) -> int:
    return stack.client().post(REFRESH, json={"refresh_token": token}).status_code


# Changing the password


def test_attack_a_stolen_access_token_does_not_change_the_password(stack: Stack) -> None:
    user = stack.signup()
    thief = stack.client(headers=bearer(user.access_token))
    for proof in ({}, {"current_password": ""}, {"current_password": NEW}):
        answer = thief.post(CHANGE, json=proof | {"new_password": NEW})
        assert answer.status_code in {403, 422}
    (line,) = stack.log_lines("authn_password_change_fail")
    assert line["log.level"] == "warning"
    assert tokens_of(login(stack, user))
    assert login(stack, user, password=NEW).status_code == 401


def test_attack_guessing_the_current_password_from_many_addresses_is_stopped(
    stack: Stack,
) -> None:
    user = stack.signup()
    statuses = []
    for number in range(12):
        thief = stack.client(headers=bearer(user.access_token))
        guess = {"current_password": f"Wrong-horse-{number}", "new_password": NEW}
        statuses.append(thief.post(CHANGE, json=guess).status_code)
    assert statuses[:10] == [403] * 10
    assert statuses[10:] == [429] * 2


def test_attack_whoever_stole_a_session_is_out_when_the_password_changes(stack: Stack) -> None:
    """On every worker at once, with everything that was copied: this session's tokens too."""
    user = stack.signup()
    second = tokens_of(login(stack, user))
    third = tokens_of(stack.client().post(REFRESH, json={"refresh_token": user.refresh_token}))
    stolen = [user.access_token, second["access_token"], third["access_token"]]
    for token in stolen:
        assert statuses_with(stack, token) == {200}
    change = {"current_password": user.password, "new_password": NEW}
    tokens_of(user.client.post(CHANGE, json=change))
    for token in stolen:
        assert statuses_with(stack, token) == {401}
    for token in (user.refresh_token, second["refresh_token"], third["refresh_token"]):
        assert refresh_status(stack, token) == 401
    assert login(stack, user).status_code == 401


@pytest.mark.parametrize("name", ["user_id", "id", "email", "scope", "role", "password_hash"])
def test_attack_a_change_of_ones_password_names_nobody_and_nothing_else(
    stack: Stack, name: str
) -> None:
    user, victim = stack.signup(), stack.signup()
    change = {"current_password": user.password, "new_password": NEW, name: victim.user_id}
    assert user.client.post(CHANGE, json=change).status_code == 422
    assert tokens_of(login(stack, victim))
    assert tokens_of(login(stack, user))


def test_attack_a_password_of_another_account_is_no_proof(stack: Stack) -> None:
    user, other = stack.signup(), stack.signup()
    change = {"current_password": other.password, "new_password": NEW}
    assert user.client.post(CHANGE, json=change).status_code == 403


def test_twin_the_owner_changes_the_password_and_goes_on(stack: Stack) -> None:
    user = stack.signup()
    change = {"current_password": user.password, "new_password": NEW}
    tokens = tokens_of(user.client.post(CHANGE, json=change))
    assert statuses_with(stack, tokens["access_token"]) == {200}
    assert refresh_status(stack, tokens["refresh_token"]) == 200
    assert tokens_of(login(stack, user, password=NEW))


# Ending sessions


def test_attack_a_session_that_was_ended_from_elsewhere_does_not_go_on(stack: Stack) -> None:
    user = stack.signup()
    stolen = tokens_of(login(stack, user))
    assert statuses_with(stack, stolen["access_token"]) == {200}
    assert user.client.post(LOGOUT_EVERYWHERE).status_code == 204
    for token in (user.access_token, stolen["access_token"]):
        assert statuses_with(stack, token) == {401}
    for token in (user.refresh_token, stolen["refresh_token"]):
        assert refresh_status(stack, token) == 401


def test_attack_a_session_that_an_operator_ended_does_not_go_on(stack: Stack) -> None:
    user = stack.signup()
    assert statuses_with(stack, user.access_token) == {200}
    stack.command("app.accounts", "logout", user.user_id)
    assert statuses_with(stack, user.access_token) == {401}
    assert refresh_status(stack, user.refresh_token) == 401


def test_attack_an_administrator_that_was_demoted_is_none_at_once(stack: Stack) -> None:
    user = stack.signup()
    stack.command("app.accounts", "promote", user.email)
    assert {user.client.get(USERS).status_code for _ in range(12)} == {200}
    stack.command("app.accounts", "demote", user.email)
    assert {user.client.get(USERS).status_code for _ in range(12)} == {403}


def test_attack_enabling_a_user_again_revives_no_session(stack: Stack) -> None:
    user = stack.signup()
    stack.command("app.accounts", "disable", user.email)
    assert login(stack, user).status_code == 401
    stack.command("app.accounts", "enable", user.email)
    assert statuses_with(stack, user.access_token) == {401}
    assert refresh_status(stack, user.refresh_token) == 401


def test_attack_logins_under_way_when_a_user_is_disabled_are_over(stack: Stack) -> None:
    """They wait their turn for the hash; those that get in are ended, the others are refused."""
    user = stack.signup()
    with ThreadPoolExecutor(9) as pool:
        logins = [pool.submit(login, stack, user) for _ in range(8)]
        pool.submit(stack.command, "app.accounts", "disable", user.email).result()
        answers = [one.result() for one in logins]
    assert {answer.status_code for answer in answers} <= {200, 401}
    stack.command("app.accounts", "enable", user.email)
    given_out = [answer.json() for answer in answers if answer.status_code == 200]
    assert {status_with(stack, one["access_token"]) for one in given_out} <= {401}
    assert {refresh_status(stack, one["refresh_token"]) for one in given_out} <= {401}
    assert tokens_of(login(stack, user))


def test_twin_ending_ones_own_sessions_leaves_other_users_alone(stack: Stack) -> None:
    user, other = stack.signup(), stack.signup()
    assert user.client.post(LOGOUT_EVERYWHERE).status_code == 204
    stack.command("app.accounts", "logout", user.email)
    assert statuses_with(stack, other.access_token) == {200}
    assert refresh_status(stack, other.refresh_token) == 200


def test_twin_a_user_who_is_enabled_again_logs_in(stack: Stack) -> None:
    user = stack.signup()
    stack.command("app.accounts", "disable", user.email)
    stack.command("app.accounts", "enable", user.email)
    assert statuses_with(stack, tokens_of(login(stack, user))["access_token"]) == {200}


# Scopes


def test_attack_asking_for_the_administrators_scope_makes_none(stack: Stack) -> None:
    user = stack.signup()
    tokens = tokens_of(login(stack, user, scope="admin"))
    assert stack.client(headers=bearer(tokens["access_token"])).get(USERS).status_code == 403


@pytest.mark.parametrize(
    "scope",
    [
        *("", " ", "account  admin", " account", "account ", "account\tadmin", "account\nadmin"),
        *('account"', "account\\", "accoünt", "*", "everything", "ACCOUNT", "account,admin"),
        *("account:*", "accoun", "account.admin", "a" * 1001),
    ],
)
def test_attack_a_scope_in_other_letters_is_refused(stack: Stack, scope: str) -> None:
    assert login(stack, stack.signup(), scope=scope).status_code == 422


def test_attack_a_small_scope_does_not_grow(stack: Stack) -> None:
    """Not by refreshing, not by asking for more on the way, not by changing the password."""
    user = stack.signup()
    tokens = tokens_of(login(stack, user, scope="admin"))
    small = stack.client(headers=bearer(tokens["access_token"]))
    assert small.get(ME).status_code == 403
    assert small.patch(ME, json={"display_name": "x"}).status_code == 403
    assert small.post(LOGOUT_EVERYWHERE).status_code == 403
    change = {"current_password": user.password, "new_password": NEW}
    assert small.post(CHANGE, json=change).status_code == 403
    more = {"refresh_token": tokens["refresh_token"], "scope": "account admin"}
    assert stack.client().post(REFRESH, json=more).status_code == 422
    given = {"refresh_token": tokens["refresh_token"]}
    again = tokens_of(stack.client().post(REFRESH, json=given))
    claims = jwt.decode(again["access_token"], options={"verify_signature": False})
    assert claims["scope"] == again["scope"] == "admin"
    assert stack.client(headers=bearer(again["access_token"])).get(ME).status_code == 403
    assert statuses_with(stack, user.access_token) == {200}


def test_twin_a_small_scope_opens_what_it_is_for_and_logs_out(stack: Stack) -> None:
    tokens = tokens_of(login(stack, stack.signup(), scope="account"))
    client = stack.client(headers=bearer(tokens["access_token"]))
    assert client.get(ME).status_code == 200
    assert client.post(f"{ACCOUNTS}/logout").status_code == 204
    assert client.get(ME).status_code == 401


# Refreshing


def test_attack_a_thief_who_comes_when_the_owner_went_on_ends_the_session(stack: Stack) -> None:
    user = stack.signup()
    following = tokens_of(stack.client().post(REFRESH, json={"refresh_token": user.refresh_token}))
    owner = tokens_of(
        stack.client().post(REFRESH, json={"refresh_token": following["refresh_token"]})
    )
    stolen = stack.client().post(REFRESH, json={"refresh_token": user.refresh_token})
    assert stolen.status_code == 401
    assert statuses_with(stack, owner["access_token"]) == {401}
    for _ in range(3):
        assert refresh_status(stack, user.refresh_token) == 401
    lines = stack.log_lines("authn_token_reuse")
    assert len(lines) == 1, "one theft is one alarm, however often it is tried"


def test_twin_a_lost_answer_is_asked_for_again_on_any_worker(stack: Stack) -> None:
    user = stack.signup()
    given = {"refresh_token": user.refresh_token}
    answers = [tokens_of(stack.client().post(REFRESH, json=given)) for _ in range(8)]
    (following,) = {answer["refresh_token"] for answer in answers}
    assert statuses_with(stack, answers[0]["access_token"]) == {200}
    assert refresh_status(stack, following) == 200
