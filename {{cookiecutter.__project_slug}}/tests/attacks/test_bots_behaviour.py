"""Layer 5 under attack by clients that give themselves away by what they do.

The service runs in this process, so that every client can come from where it likes; what several
workers and the log have to do with it is tested on the live one.
"""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from redis import Redis

from app.layers.bots import Decision
from app.layers.bots.local.behaviour import Seen
from app.layers.rate_limits.policies import client_key
from tests.attacks.test_bots import JWKS, is_refused
from tests.in_process import PASSWORD, client_of, make_settings, running, sign_up
from tests.layers.behaviour import by_itself, same_places
from tests.stack import USER_AGENT, fresh_source, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from fastapi import FastAPI

    from tests.stack import Stack

pytestmark = pytest.mark.anyio

ME = "/api/v1/accounts/me"
LOGIN = "/api/v1/accounts/login"
WRONG = "Wrong-horse-7"
HOUR = 3600


@pytest.fixture(scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    """The service."""
    folder = tmp_path_factory.mktemp("service")
    with same_places():
        async with running(make_settings(folder, SERVER__WORKERS="1")) as one:
            yield one


async def ask_all(client: httpx.AsyncClient, paths: Iterable[str]) -> list[int]:
    """Ask for all of these at once."""
    answers = await asyncio.gather(*map(client.get, paths))
    return [answer.status_code for answer in answers]


async def stands(app: FastAPI, client: httpx.AsyncClient) -> Decision:
    """Return what becomes of a client's next request."""
    forwarded = client.headers["X-Forwarded-For"]
    known: Decision = app.state.bots.behaviour.standing(client_key(forwarded)).decision
    if known is not Decision.SLOW:  # that would be seen by waiting for it
        assert is_refused(await client.get(JWKS)) is (known is Decision.REFUSE)
    return known


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.env"),
        ("HEAD", "/.env?x=1"),
        ("GET", "/.ENV"),
        ("GET", "/%2eenv"),
        ("GET", "/old/wp-login.php"),
        ("OPTIONS", "/.git/config"),
        ("GET", "/cgi-bin/luci"),
    ],
)
async def test_attack_one_look_for_a_honeypot_closes_the_service(
    app: FastAPI, method: str, path: str
) -> None:
    async with client_of(app) as client:
        assert (await client.get(JWKS)).status_code == 200
        assert (await client.request(method, path)).status_code in {404, 405}
        assert is_refused(await client.get(JWKS))


async def test_twin_what_browsers_ask_for_unbidden_costs_nothing(app: FastAPI) -> None:
    async with client_of(app) as client:
        asked = ("/favicon.ico", "/robots.txt", "/sitemap.xml", "/.well-known/change-password")
        assert set(await ask_all(client, asked * 3)) == {404}
        assert await stands(app, client) is Decision.ALLOW


async def test_attack_no_page_can_have_its_visitors_refused(app: FastAPI) -> None:
    async with client_of(app) as victim:
        planted = ["/.env", "/wp-login.php", *(f"/{one}" for one in range(30))]
        for path in planted:
            await victim.get(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert await stands(app, victim) is Decision.ALLOW


@pytest.mark.parametrize(
    "paths",
    [["/.env"], [f"/admin-{one}" for one in range(60)], [f"/things/{one}" for one in range(90)]],
    ids=["honeypot", "paths", "identifiers"],
)
async def test_attack_to_say_that_another_site_made_one_ask_hides_nothing(
    app: FastAPI, paths: list[str]
) -> None:
    async with client_of(app, **{"Sec-Fetch-Site": "cross-site"}) as scanner:
        assert set(await ask_all(scanner, paths)) == {404}
        assert is_refused(await scanner.get(JWKS))


async def test_twin_who_follows_a_dead_link_from_another_site_is_let_through(app: FastAPI) -> None:
    async with client_of(app, **{"Sec-Fetch-Site": "cross-site"}) as client:
        await ask_all(client, [f"/moved-{one}" for one in range(8)])
        assert (await client.get(JWKS)).status_code == 200


async def test_attack_looking_for_paths_closes_the_service(app: FastAPI) -> None:
    async with client_of(app) as client:
        assert set(await ask_all(client, [f"/admin-{one}" for one in range(60)])) == {404}
        assert await stands(app, client) is Decision.REFUSE


async def test_twin_dead_links_and_typing_errors_cost_nothing(app: FastAPI) -> None:
    async with client_of(app) as client:
        await ask_all(client, [f"/no-longer-here-{one}" for one in range(8)])
        await ask_all(client, ["/api/v1/acounts/me"] * 20 + [JWKS] * 40)
        assert await stands(app, client) is Decision.ALLOW


@pytest.mark.parametrize("template", ["/api/v1/things/{}", "/api/v1/things/{}/owner"])
async def test_attack_walking_through_identifiers_closes_the_service(
    app: FastAPI, template: str
) -> None:
    async with client_of(app) as client:
        await ask_all(client, [template.format(7000 + one) for one in range(95)])
        assert await stands(app, client) is Decision.REFUSE


async def test_twin_paging_and_reading_what_a_list_named_cost_nothing(app: FastAPI) -> None:
    async with client_of(app) as client:
        await ask_all(client, [f"{JWKS}?page={one}" for one in range(50)])
        await ask_all(client, [f"/api/v1/things/{one}" for one in range(20)] * 2)
        assert await stands(app, client) is Decision.ALLOW


async def test_attack_who_gets_nothing_but_errors_is_noticed(app: FastAPI) -> None:
    async with client_of(app) as client:
        assert set(await ask_all(client, [ME] * 95)) == {401}
        forwarded = client_key(client.headers["X-Forwarded-For"])
        standing = app.state.bots.behaviour.standing(forwarded)
        # By itself it closes nothing: it adds to what else there is.
        assert (standing.score, standing.reasons) == (30, ("errors",))


async def test_twin_an_expired_token_costs_nothing(app: FastAPI) -> None:
    async with client_of(app) as client:
        await ask_all(client, [ME] * 15)
        assert await stands(app, client) is Decision.ALLOW


async def guess(client: httpx.AsyncClient, email: str, password: str = WRONG) -> int:
    answer = await client.post(LOGIN, json={"email": email, "password": password})
    return answer.status_code


async def test_attack_one_address_that_fails_at_many_accounts_is_held(app: FastAPI) -> None:
    async with client_of(app) as client:
        for number in range(10):
            assert await guess(client, f"victim-{number}@example.com") == 401
        assert await stands(app, client) is Decision.SLOW


async def test_twin_an_office_behind_one_address_logs_in(app: FastAPI) -> None:
    async with client_of(app) as client:
        people = [f"office-{number}@example.com" for number in range(3)]
        for one in people:
            await sign_up(client_of(app), one)
            assert await guess(client, one) == 401
            assert await guess(client, one, PASSWORD) == 200
        assert await stands(app, client) is Decision.ALLOW


async def test_attack_another_address_of_the_same_network_is_the_same_client(
    app: FastAPI,
) -> None:
    async with client_of(app, **{"X-Forwarded-For": "2001:db8:1:1::1"}) as client:
        await client.get("/.env")
    async with client_of(app, **{"X-Forwarded-For": "2001:db8:1:1:ffff::2"}) as again:
        assert is_refused(await again.get(JWKS))


async def test_twin_the_network_next_door_is_another_client(app: FastAPI) -> None:
    async with client_of(app, **{"X-Forwarded-For": "2001:db8:1:2::1"}) as client:
        await client.get("/.env")
    async with client_of(app, **{"X-Forwarded-For": "2001:db8:1:3::1"}) as neighbour:
        assert (await neighbour.get(JWKS)).status_code == 200


class Hours:
    """A clock that tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_attack_whoever_takes_the_whole_day_is_noticed_too() -> None:
    clock = Hours()
    behaviour = by_itself(clock)
    for number in range(24 * 12):
        behaviour.saw("a", Seen(f"/admin-{number}", 404, is_routed=False))
        clock.now += HOUR / 12
    assert behaviour.standing("a").decision is not Decision.ALLOW


def test_twin_whoever_meets_a_dead_link_an_hour_is_not() -> None:
    clock = Hours()
    behaviour = by_itself(clock)
    for number in range(24 * 3):
        behaviour.saw("a", Seen(f"/old-{number}", 404, is_routed=False))
        for _ in range(3):
            behaviour.saw("a", Seen(JWKS, 200, is_routed=True))
            clock.now += HOUR / 3
    assert behaviour.standing("a").decision is Decision.ALLOW


@contextmanager
def alone(worker: int, workers: Sequence[int]) -> Iterator[None]:
    """Stop the other workers, so that whoever comes meets this one."""
    others = [pid for pid in workers if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def workers_of(stack: Stack) -> list[int]:
    """Return the workers' process ids."""
    main = stack.pids["app"]
    children = Path(f"/proc/{main}/task/{main}/children").read_text("ascii").split()
    return [int(pid) for pid in children]


def forwarded(stack: Stack, address: str) -> httpx.Client:
    """Return a client that is where nobody here can be: it says what nginx would say of it."""
    said_by_nginx = {
        "Host": "localhost",
        "User-Agent": USER_AGENT,
        "X-Forwarded-For": address,
        "X-Forwarded-Proto": "https",
    }
    return httpx.Client(base_url=stack.app_url, headers=said_by_nginx, trust_env=False)


def test_attack_what_one_worker_saw_the_other_refuses_and_only_the_log_says_why(
    stack: Stack,
) -> None:
    source = fresh_source()
    one, other = workers_of(stack)

    def get(path: str) -> httpx.Response:
        with forwarded(stack, source) as client:  # a connection of its own, to whoever is there
            return client.get(path)

    with alone(one, (one, other)):
        assert get("/.env").status_code == 404
        assert is_refused(get(JWKS))
        with Redis.from_url(stack.redis_url) as redis:
            wait_until(lambda: redis.hexists("{bots}:clients:new", source), "Redis was told")
    with alone(other, (one, other)):
        # It asks behind the first request's back, and knows with the next ones.
        wait_until(lambda: is_refused(get(JWKS)), "the other knows")
    fields: dict[str, Any] = {"source.ip": source}
    events = stack.log_lines(event="bot_refused", **fields)
    assert {event["process.pid"] for event in events} == {one, other}
    assert {tuple(event["app.reasons"]) for event in events} == {("honeypot",)}


def test_twin_a_client_that_errs_is_served_by_every_worker(stack: Stack) -> None:
    source = fresh_source()
    with ThreadPoolExecutor(max_workers=4) as pool:
        paths = [f"/typo-{number}" for number in range(8)]
        answers = list(pool.map(lambda path: stack.client(source).get(path), paths))
    assert {answer.status_code for answer in answers} == {404}
    assert {stack.client(source).get(JWKS).status_code for _ in range(8)} == {200}
