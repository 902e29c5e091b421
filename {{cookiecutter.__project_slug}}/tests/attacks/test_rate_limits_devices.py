"""Layer 4 under attack by credential stuffing: one account from everywhere, all from one address.

The service runs in this process, and lets an account fail three times here.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, update

from app.accounts import devices
from app.accounts.models import User
from app.database import utc_now
from app.layers.authentication import Passwords
from app.layers.rate_limits import RateLimits
from tests.in_process import PASSWORD, client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio

ANN, BOB, NOBODY = "ann@example.com", "bob@example.com", "nobody@example.com"
WRONG = "Wrong-horse-7"
ACCOUNTS = "/api/v1/accounts"
LOGINS_OF_ONE_ADDRESS = 10


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    """The service."""
    chosen = {"RATE_LIMITS__FAILED_LOGINS": "3/15minutes", "SERVER__WORKERS": "1"}
    async with running(make_settings(tmp_path_factory.mktemp("service"), **chosen)) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    """The service without accounts, and without anything that was counted."""
    await empty(shared)
    shared.state.rate_limits = RateLimits(None, workers=1)
    return shared


@pytest.fixture
async def ann(app: FastAPI) -> httpx.AsyncClient:
    """Somebody with an account, logged in; her device token is in `headers`, where none is read."""
    client = client_of(app)
    client.headers["X-Kept"] = (await sign_up(client, ANN))["device_token"]
    return client


def token_of(client: httpx.AsyncClient) -> str:
    return client.headers["X-Kept"]


async def attempt(
    app: FastAPI, email: str = ANN, password: str = WRONG, token: str | None = None
) -> httpx.Response:
    """Log in from an address of its own."""
    given = {"email": email, "password": password}
    if token is not None:
        given["device_token"] = token
    async with client_of(app) as client:
        return await client.post(f"{ACCOUNTS}/login", json=given)


async def stuff(app: FastAPI, email: str = ANN, number: int = 5) -> None:
    """Guess at an account until nobody who is not known gets an answer."""
    statuses = [(await attempt(app, email)).status_code for _ in range(number)]
    assert statuses == [401] * 3 + [429] * (number - 3)


async def test_attack_stuffing_from_many_addresses_does_not_get_the_right_guess_through(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    assert ann
    await stuff(app, number=20)
    assert (await attempt(app, ANN, PASSWORD)).status_code == 429


async def test_twin_the_victim_logs_in_from_a_known_device_meanwhile(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    await stuff(app, number=20)
    for _ in range(5):
        assert (await attempt(app, ANN, PASSWORD, token_of(ann))).status_code == 200
    assert (await attempt(app)).status_code == 429, "nor does that open it to strangers"


async def test_attack_a_device_token_of_ones_own_account_opens_no_other(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    assert ann
    mine = (await sign_up(client_of(app), BOB))["device_token"]
    await stuff(app)
    assert (await attempt(app, ANN, PASSWORD, mine)).status_code == 429


async def test_twin_it_opens_its_own(app: FastAPI, ann: httpx.AsyncClient) -> None:
    assert ann
    mine = (await sign_up(client_of(app), BOB))["device_token"]
    await stuff(app, BOB)
    assert (await attempt(app, BOB, PASSWORD, mine)).status_code == 200


async def test_attack_a_stolen_token_buys_three_guesses_from_wherever_they_come(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    statuses = [(await attempt(app, token=token_of(ann))).status_code for _ in range(9)]
    assert statuses == [401] * 3 + [429] * 6


async def test_twin_the_owners_other_device_is_not_closed_by_it(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    other = (await attempt(app, ANN, PASSWORD)).json()["device_token"]
    for _ in range(5):
        await attempt(app, token=token_of(ann))
    await stuff(app)
    assert (await attempt(app, ANN, PASSWORD, other)).status_code == 200


async def test_attack_a_stolen_token_is_void_once_the_owner_logs_out_everywhere(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    assert (await ann.post(f"{ACCOUNTS}/logout-everywhere")).status_code == 204
    await stuff(app)
    assert (await attempt(app, ANN, PASSWORD, token_of(ann))).status_code == 429


async def test_attack_a_token_from_before_the_password_was_changed_is_void(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    new = f"{PASSWORD}-too"
    change = {"current_password": PASSWORD, "new_password": new}
    assert (await ann.post(f"{ACCOUNTS}/change-password", json=change)).status_code == 200
    await stuff(app)
    assert (await attempt(app, ANN, new, token_of(ann))).status_code == 429


async def test_attack_a_token_from_before_an_operator_set_a_password_is_void(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    """In the database itself, so no moment was noted: the password alone must make it void."""
    hashed = await Passwords(1).hash(f"{PASSWORD}-too")
    async with app.state.database.engine.begin() as connection:
        await connection.execute(update(User).values(password_hash=hashed))
    await stuff(app)
    assert (await attempt(app, ANN, f"{PASSWORD}-too", token_of(ann))).status_code == 429


async def test_twin_a_token_outlives_its_session(app: FastAPI, ann: httpx.AsyncClient) -> None:
    assert (await ann.post(f"{ACCOUNTS}/logout")).status_code == 204
    await stuff(app)
    assert (await attempt(app, ANN, PASSWORD, token_of(ann))).status_code == 200


@pytest.mark.parametrize("place", [7, 8, 24, 71])
async def test_attack_a_token_that_is_changed_anywhere_is_none_and_nobody_is_told(
    app: FastAPI, ann: httpx.AsyncClient, place: int
) -> None:
    raw = bytearray(base64.urlsafe_b64decode(token_of(ann)))
    raw[place] ^= 1
    await stuff(app)
    forged = await attempt(app, ANN, PASSWORD, base64.urlsafe_b64encode(raw).decode("ascii"))
    plain = await attempt(app, ANN, PASSWORD)
    same = {"request_id": ""}
    assert forged.status_code == plain.status_code == 429
    assert forged.json() | same == plain.json() | same


async def test_attack_a_token_is_worth_nothing_after_its_time(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        then.setattr(devices, "utc_now", lambda: utc_now() - devices.LIFETIME)
        old = (await sign_up(client_of(app), ANN))["device_token"]
    await stuff(app)
    assert (await attempt(app, ANN, PASSWORD, old)).status_code == 429


async def test_twin_each_login_begins_its_time_anew(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        then.setattr(devices, "utc_now", lambda: utc_now() - devices.LIFETIME)
        old = (await sign_up(client_of(app), ANN))["device_token"]
    renewed = (await attempt(app, ANN, PASSWORD, old)).json()["device_token"]
    await stuff(app)
    assert (await attempt(app, ANN, PASSWORD, renewed)).status_code == 200


@pytest.mark.parametrize(
    "spelling",
    [
        "ANN@EXAMPLE.COM",
        "\uff41nn@example.com",
        "Ann@Example.com",
        " ann@example.com ",
        "ａｎｎ＠example.com",
    ],
    ids=["case", "width", "title", "spaces", "a wide at"],
)
async def test_attack_another_spelling_of_a_name_buys_no_more_guesses(
    app: FastAPI, ann: httpx.AsyncClient, spelling: str
) -> None:
    assert ann
    await stuff(app)
    assert (await attempt(app, spelling)).status_code in {422, 429}


async def test_twin_another_name_is_another_account(app: FastAPI, ann: httpx.AsyncClient) -> None:
    assert ann
    await stuff(app)
    assert (await attempt(app, "anna@example.com")).status_code == 401


async def work_of(app: FastAPI, monkeypatch: pytest.MonkeyPatch, **attempted: Any) -> list[Any]:
    """Return what an attempt makes the service do and say: queries, hashings, the answer."""
    done: list[Any] = []
    engine = app.state.database.engine.sync_engine
    verify = Passwords.verify

    def note(*given: Any) -> None:
        done.append(given[2])

    async def noted(self: Passwords, password: str, password_hash: str | None) -> bool:
        done.append("hash")
        return await verify(self, password, password_hash)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(Passwords, "verify", noted)
            answer = await attempt(app, **attempted)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    told = {name: answer.headers[name] for name in answer.headers if name != "x-request-id"}
    return [*done, answer.status_code, answer.json() | {"request_id": ""}, told]


async def test_attack_nothing_tells_an_unknown_name_from_a_known_one(
    app: FastAPI, ann: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown, disowned = [
        await work_of(app, monkeypatch, email=email, token=token)
        for email, token in ((ANN, None), (NOBODY, None), (NOBODY, token_of(ann)))
    ]
    assert known == unknown == disowned
    assert known.count("hash") == 1
    assert 401 in known


async def test_twin_the_right_password_is_told_from_all_of_them(
    app: FastAPI, ann: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ann
    assert 200 in await work_of(app, monkeypatch, password=PASSWORD)


async def test_attack_an_unknown_name_is_closed_like_a_known_one(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    assert ann
    await stuff(app, ANN)
    await stuff(app, NOBODY)


async def test_attack_logging_in_to_ones_own_account_does_not_reset_ones_address(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    assert ann
    await sign_up(client_of(app), BOB)
    mine = {"email": BOB, "password": PASSWORD}
    statuses = []
    async with client_of(app) as attacker:
        for number in range(LOGINS_OF_ONE_ADDRESS):
            guess = {"email": f"{number}@example.com", "password": WRONG}
            for given in (guess, mine):
                answer = await attacker.post(f"{ACCOUNTS}/login", json=given)
                statuses.append(answer.status_code)
    assert statuses == [401, 200] * (LOGINS_OF_ONE_ADDRESS // 2) + [429] * LOGINS_OF_ONE_ADDRESS


async def test_attack_a_success_forgives_no_failures_of_the_account(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    assert ann
    passwords = [WRONG, WRONG, PASSWORD, WRONG, WRONG]
    statuses = [(await attempt(app, ANN, password)).status_code for password in passwords]
    assert statuses == [401, 401, 200, 401, 429]


async def test_twin_logging_in_costs_an_account_nothing(
    app: FastAPI, ann: httpx.AsyncClient
) -> None:
    assert ann
    statuses = {(await attempt(app, ANN, PASSWORD)).status_code for _ in range(8)}
    assert statuses == {200}
