"""Layer 7 under attack: sessions that have ended, on every worker, whatever Redis goes through.

Each worker remembers for seconds that a session is good. So an attacker with a stolen token hurries
to one worker while the owner logs out at another, and hopes for a Redis that loses the news.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from app.changes import STREAM
from tests.outages import hanging_redis, settle
from tests.redis_server import RedisServer
from tests.stack import running_stack, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.stack import Account, Stack

ACCOUNTS = "/api/v1/accounts"
ME = f"{ACCOUNTS}/me"
USERS = "/api/v1/admin/users"
CLIENTS = 5
AT_ONCE = 50
WORKERS = 2


def answers(stack: Stack, token: str, path: str, number: int) -> list[httpx.Response]:
    """Return the answers to so many requests at once; they reach every worker."""
    headers = {"Authorization": f"Bearer {token}"}
    clients = [stack.client(headers=headers) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda number: clients[number % CLIENTS].get(path), range(number)))


def statuses(stack: Stack, token: str, path: str = ME, number: int = AT_ONCE) -> Counter[int]:
    """Return the statuses of so many requests at once."""
    return Counter(answer.status_code for answer in answers(stack, token, path, number))


def remembered(stack: Stack) -> Account:
    """Return a user whose session every worker remembers."""
    user, since = stack.signup(), stack.mark()
    seen: set[int] = set()
    while len(seen) < WORKERS:
        assert statuses(stack, user.access_token) == {200: AT_ONCE}
        lines = stack.log_lines(event="request", since=since, path=ME, status=200)
        seen |= {line["process.pid"] for line in lines}
    return user


def log_in_again(stack: Stack, user: Account) -> str:
    """Return a token of another session of the same user."""
    given = {"email": user.email, "password": user.password}
    token: str = stack.client().post(f"{ACCOUNTS}/login", json=given).json()["access_token"]
    return token


def log_out(user: Account) -> None:
    assert user.client.post(f"{ACCOUNTS}/logout").status_code == 204


def test_attack_of_fifty_at_once_after_a_logout_none_gets_in(stack: Stack) -> None:
    for _ in range(3):
        user = remembered(stack)
        log_out(user)
        assert statuses(stack, user.access_token) == {401: AT_ONCE}


def test_twin_of_fifty_at_once_before_a_logout_all_get_in(stack: Stack) -> None:
    user = remembered(stack)
    other = log_in_again(stack, user)
    log_out(user)
    assert statuses(stack, other) == {200: AT_ONCE}


def test_attack_requests_that_race_a_logout_do_not_outrun_its_answer(stack: Stack) -> None:
    for _ in range(3):
        user = remembered(stack)
        headers = {"Authorization": f"Bearer {user.access_token}"}
        clients = [stack.client(headers=headers) for _ in range(8)]
        sent: list[tuple[float, int]] = []

        def ask(client: httpx.Client) -> None:
            for _ in range(40):
                began = time.monotonic()
                sent.append((began, client.get(ME).status_code))  # noqa: B023 - joined below

        with ThreadPoolExecutor(len(clients)) as pool:
            asking = [pool.submit(ask, client) for client in clients]
            wait_until(lambda: len(sent) > 40, "requests are under way")  # noqa: B023 - the same
            log_out(user)
            answered = time.monotonic()
            for one in asking:
                one.result()
        late = [status for began, status in sent if began > answered]
        assert late, "none came after it"
        assert set(late) == {401}
        assert {status for _, status in sent} == {200, 401}


def test_attack_an_administrator_who_was_demoted_is_refused_by_every_worker(stack: Stack) -> None:
    user = stack.signup()
    stack.command("app.accounts", "promote", user.email)
    assert statuses(stack, user.access_token, USERS) == {200: AT_ONCE}
    stack.command("app.accounts", "demote", user.email)
    assert statuses(stack, user.access_token, USERS) == {403: AT_ONCE}


def test_twin_a_user_who_was_promoted_is_let_in_by_every_worker(stack: Stack) -> None:
    user = remembered(stack)
    assert statuses(stack, user.access_token, USERS, 10) == {403: 10}
    stack.command("app.accounts", "promote", user.email)
    assert statuses(stack, user.access_token, USERS) == {200: AT_ONCE}


@pytest.mark.parametrize("command", ["disable", "logout"])
def test_attack_whom_an_operator_ends_every_worker_refuses(stack: Stack, command: str) -> None:
    user = remembered(stack)
    stack.command("app.accounts", command, user.email)
    assert statuses(stack, user.access_token) == {401: AT_ONCE}


def test_twin_a_user_beside_the_one_who_was_ended_goes_on(stack: Stack) -> None:
    user, bystander = remembered(stack), remembered(stack)
    stack.command("app.accounts", "disable", user.email)
    assert statuses(stack, bystander.access_token) == {200: AT_ONCE}


@contextmanager
def restored(stack: Stack) -> Iterator[None]:
    """When the block has ended, wait until every worker that noticed counts in Redis again."""
    yield
    settle(stack)


def test_attack_a_redis_that_hangs_hides_no_logout(stack: Stack) -> None:
    user = remembered(stack)
    with hanging_redis(stack):
        log_out(user)
        assert statuses(stack, user.access_token, number=20) == {401: 20}
    # The worker that the owner logged out at has told the others, with its first trip. One that had
    # nothing to ask of Redis meanwhile did not know until then.
    assert statuses(stack, user.access_token) == {401: AT_ONCE}


def test_twin_whoever_is_logged_in_stays_in_while_redis_hangs_and_after(stack: Stack) -> None:
    user = remembered(stack)
    with hanging_redis(stack):
        assert statuses(stack, user.access_token, number=20) == {200: 20}
    assert statuses(stack, user.access_token, number=20) == {200: 20}


def _empty(redis: Redis) -> None:
    redis.flushall()


def _forget_scripts(redis: Redis) -> None:
    redis.script_flush()


def _cut(redis: Redis) -> None:
    redis.xtrim(STREAM, maxlen=0, approximate=False)


def _drop(redis: Redis) -> None:
    redis.delete(STREAM)


def _spoil(redis: Redis) -> None:
    redis.set(STREAM, "of another kind")


def _fill(redis: Redis) -> None:
    pipeline = redis.pipeline(transaction=False)
    for number in range(500):
        pipeline.xadd(STREAM, {"ids": f"{number:032x}"})
    pipeline.execute()


def _write_rubbish(redis: Redis) -> None:
    redis.xadd(STREAM, {"ids": "\xff; drop everything", "more": "x" * 1000})


def _cut_off_all(redis: Redis) -> None:
    redis.client_kill_filter(_type="normal", skipme=True)


TROUBLES = [_empty, _forget_scripts, _cut, _drop, _spoil, _fill, _write_rubbish, _cut_off_all]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__.strip("_"))
def test_attack_nothing_done_to_redis_brings_an_ended_session_back(
    stack: Stack, trouble: Callable[[Redis], None]
) -> None:
    user = remembered(stack)
    with restored(stack), Redis.from_url(stack.redis_url) as redis:
        log_out(user)
        try:
            trouble(redis)
            assert statuses(stack, user.access_token) == {401: AT_ONCE}
        finally:
            redis.delete(STREAM)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__.strip("_"))
def test_twin_nothing_done_to_redis_puts_anybody_out(
    stack: Stack, trouble: Callable[[Redis], None]
) -> None:
    user = remembered(stack)
    with restored(stack), Redis.from_url(stack.redis_url) as redis:
        try:
            trouble(redis)
            assert statuses(stack, user.access_token) == {200: AT_ONCE}
        finally:
            redis.delete(STREAM)


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, RedisServer]]:
    """A service whose Redis can be killed."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    try:
        with running_stack(tmp_path_factory.mktemp("frail"), REDIS__URL=server.url) as stack:
            yield stack, server
    finally:
        server.kill()


def test_attack_a_redis_that_dies_and_comes_back_empty_hides_no_logout(
    frail: tuple[Stack, RedisServer],
) -> None:
    stack, server = frail
    user, owner = remembered(stack), stack.client()
    owner.headers["Authorization"] = user.client.headers["Authorization"]
    with restored(stack):
        server.kill()
        assert owner.post(f"{ACCOUNTS}/logout").status_code == 204
        assert statuses(stack, user.access_token) == {401: AT_ONCE}
        server.start()
        assert statuses(stack, user.access_token) == {401: AT_ONCE}


def test_attack_a_restart_between_the_logout_and_the_next_request_hides_nothing(
    frail: tuple[Stack, RedisServer],
) -> None:
    stack, server = frail
    user = remembered(stack)
    with restored(stack):
        log_out(user)
        server.kill()
        server.start()
        assert statuses(stack, user.access_token) == {401: AT_ONCE}


def test_twin_whoever_is_logged_in_stays_in_when_redis_dies_and_comes_back(
    frail: tuple[Stack, RedisServer],
) -> None:
    stack, server = frail
    user = remembered(stack)
    with restored(stack):
        server.kill()
        assert statuses(stack, user.access_token) == {200: AT_ONCE}
        server.start()
        assert statuses(stack, user.access_token) == {200: AT_ONCE}
