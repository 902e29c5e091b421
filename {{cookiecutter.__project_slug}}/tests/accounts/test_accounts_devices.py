"""Devices that an account was used on before: whose failures count where, and what they forget."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.accounts import devices, operators
from app.accounts.sessions import Issuer
from app.database import utc_now
from app.layers.authentication import open_authentication
from app.layers.rate_limits import RateLimits
from dev.bootstrap import make_signing_key
from tests.in_process import PASSWORD, client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio

ANN, BOB = "ann@example.com", "bob@example.com"
WRONG = "Wrong-horse-7"
LOGIN = "/api/v1/accounts/login"


@pytest.fixture(scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, database_url: str
) -> AsyncIterator[FastAPI]:
    """A service in which an account may fail to log in three times."""
    chosen = {"RATE_LIMITS__FAILED_LOGINS": "3/15minutes", "SERVER__WORKERS": "1"}
    folder = tmp_path_factory.mktemp("service")
    async with running(make_settings(folder, DATABASE__URL=database_url, **chosen)) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    """The service without accounts, and without anything that was counted."""
    await empty(shared)
    shared.state.rate_limits = RateLimits(None, workers=1)
    return shared


@pytest.fixture
async def token(app: FastAPI) -> str:
    """What Ann's device is known by."""
    return str((await sign_up(client_of(app), ANN))["device_token"])


async def attempt(
    app: FastAPI, token: str | None, password: str = WRONG, email: str = ANN
) -> httpx.Response:
    """Log in from an address of its own."""
    given = {"email": email, "password": password}
    if token is not None:
        given["device_token"] = token
    async with client_of(app) as client:
        return await client.post(LOGIN, json=given)


async def close_to_strangers(app: FastAPI, email: str = ANN) -> None:
    """Let strangers fail until the account's count is used up."""
    statuses = [(await attempt(app, None, email=email)).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


async def is_known(app: FastAPI, token: str | None, email: str = ANN) -> bool:
    """Whether the owner gets in with this token where strangers do not."""
    await close_to_strangers(app, email)
    status = (await attempt(app, token, PASSWORD, email)).status_code
    assert status in {200, 429}
    return status == 200


async def test_a_login_says_what_the_device_is_known_by_from_now_on(token: str) -> None:
    assert len(token) == devices.LENGTH == 96
    assert len(base64.urlsafe_b64decode(token)) == 72


async def test_the_owner_gets_in_on_a_known_device_whatever_strangers_do(
    app: FastAPI, token: str
) -> None:
    assert await is_known(app, token)


async def test_without_a_token_the_owner_waits_with_the_strangers(app: FastAPI, token: str) -> None:
    assert token
    assert not await is_known(app, None)


async def test_failures_on_a_known_device_count_for_that_device_alone(
    app: FastAPI, token: str
) -> None:
    statuses = [(await attempt(app, token)).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert (await attempt(app, token, PASSWORD)).status_code == 429
    assert (await attempt(app, None, PASSWORD)).status_code == 200


async def test_devices_are_counted_apart(app: FastAPI, token: str) -> None:
    other = (await attempt(app, None, PASSWORD)).json()["device_token"]
    for _ in range(4):
        await attempt(app, token)
    assert (await attempt(app, other, PASSWORD)).status_code == 200


async def test_a_stolen_token_buys_as_many_guesses_from_many_addresses_as_from_one(
    app: FastAPI, token: str
) -> None:
    statuses = [(await attempt(app, token)).status_code for _ in range(10)]
    assert statuses.count(401) == 3


async def test_a_device_that_logs_in_again_stays_the_same_device(app: FastAPI, token: str) -> None:
    for _ in range(2):
        await attempt(app, token)
    renewed = (await attempt(app, token, PASSWORD)).json()["device_token"]
    assert renewed[11:32] == token[11:32], "its name is in bytes 8 to 24"
    assert (await attempt(app, renewed)).status_code == 401
    assert (await attempt(app, renewed)).status_code == 429, "a success forgives nothing"


async def test_a_token_of_another_account_is_none(app: FastAPI, token: str) -> None:
    foreign = (await sign_up(client_of(app), BOB))["device_token"]
    assert not await is_known(app, foreign)
    assert await is_known(app, foreign, BOB)
    assert (await attempt(app, token, PASSWORD, BOB)).status_code == 429


async def test_a_token_outlives_the_session_that_it_came_with(app: FastAPI) -> None:
    client = client_of(app)
    token = (await sign_up(client, ANN))["device_token"]
    assert (await client.post("/api/v1/accounts/logout")).status_code == 204
    assert await is_known(app, token)


async def test_logging_out_everywhere_forgets_all_devices(app: FastAPI) -> None:
    client = client_of(app)
    token = (await sign_up(client, ANN))["device_token"]
    assert (await client.post("/api/v1/accounts/logout-everywhere")).status_code == 204
    fresh = (await attempt(app, None, PASSWORD)).json()["device_token"]
    assert not await is_known(app, token)
    assert (await attempt(app, fresh, PASSWORD)).status_code == 200


async def test_another_password_forgets_all_devices_but_the_one_in_hand(app: FastAPI) -> None:
    client, new = client_of(app), f"{PASSWORD}-too"
    token = (await sign_up(client, ANN))["device_token"]
    change = {"current_password": PASSWORD, "new_password": new}
    answer = await client.post("/api/v1/accounts/change-password", json=change)
    fresh = answer.json()["device_token"]
    await close_to_strangers(app)
    assert (await attempt(app, token, new)).status_code == 429
    assert (await attempt(app, fresh, new)).status_code == 200


@pytest.mark.parametrize("work", [operators.log_out, operators.disable])
async def test_an_operator_who_ends_all_sessions_forgets_all_devices(
    app: FastAPI, token: str, work: Any
) -> None:
    async with app.state.database.sessions() as database:
        assert await work(database, ANN)
        await operators.enable(database, ANN)
    assert not await is_known(app, token)


@pytest.mark.parametrize(
    ("ahead", "known"),
    [
        (-devices.LIFETIME, False),
        (timedelta(hours=1) - devices.LIFETIME, True),
        (timedelta(seconds=30), True),
        (timedelta(minutes=2), False),
    ],
    ids=["too old", "old", "of a clock that is ahead", "from the future"],
)
async def test_a_token_counts_from_when_it_was_made_to_its_end(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, known: bool
) -> None:
    with monkeypatch.context() as then:
        then.setattr(devices, "utc_now", lambda: utc_now() + ahead)
        token = (await sign_up(client_of(app), ANN))["device_token"]
    assert await is_known(app, token) is known


def spoilt(token: str) -> dict[str, str]:
    """Return what is nearly this token, by what is wrong with it."""
    raw = base64.urlsafe_b64decode(token)
    flipped = {
        f"byte {place}": bytes([*raw[:place], raw[place] ^ 1, *raw[place + 1 :]])
        for place in (7, 8, 23, 24, 39, 40, 71)
    }
    spelt = {name: base64.urlsafe_b64encode(one).decode() for name, one in flipped.items()}
    return spelt | {
        "nothing": "",
        "cut": token[:-1],
        "longer": f"{token}A",
        "two": (token * 2)[:200],
        "padded": token[:-2] + "==",
        "spaces": token[:-1] + " ",
        "no letters": "\u2028" * devices.LENGTH,
        "all zeros": "A" * devices.LENGTH,
        "all ones": "_" * devices.LENGTH,
        "a NUL": token[:-1] + "\x00",
    }


async def test_what_was_tampered_with_is_as_good_as_none_and_nobody_is_told(
    app: FastAPI, token: str
) -> None:
    await sign_up(client_of(app), BOB)
    for name, bad in spoilt(token).items():
        answer = await attempt(app, bad, PASSWORD, BOB)
        assert answer.status_code == 200, name
    await close_to_strangers(app)
    plain = (await attempt(app, None, PASSWORD)).json() | {"request_id": ""}
    for name, bad in spoilt(token).items():
        answer = await attempt(app, bad, PASSWORD)
        assert answer.status_code == 429, name
        assert answer.json() | {"request_id": ""} == plain, name
    assert (await attempt(app, token, PASSWORD)).status_code == 200


async def test_a_token_has_one_spelling(app: FastAPI, token: str) -> None:
    fitting = token
    while not {"-", "_"} & set(fitting):
        fitting = (await attempt(app, fitting, PASSWORD)).json()["device_token"]
    await close_to_strangers(app)
    for spelling in (fitting.replace("-", "+").replace("_", "/"), f" {fitting}"[:96]):
        assert (await attempt(app, spelling, PASSWORD)).status_code == 429


async def test_what_is_made_up_does_not_reach_the_database(
    app: FastAPI, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Untouchable:
        """A database that must not be asked."""

    issuer = _issuer_of(app)
    for bad in spoilt(token).values():
        assert await devices.known_device(Untouchable(), issuer, ANN, bad) is None  # type: ignore[arg-type]
    monkeypatch.setattr(devices, "_is_current", lambda _token: True)
    with pytest.raises(AttributeError, match="execute"):
        await devices.known_device(Untouchable(), issuer, ANN, token)  # type: ignore[arg-type]


async def test_the_account_of_the_token_may_be_gone(app: FastAPI, token: str) -> None:
    await empty(app)
    assert (await attempt(app, token, PASSWORD)).status_code == 401


async def test_a_token_survives_a_password_that_is_hashed_anew(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client_of(app), ANN)
    with monkeypatch.context() as now:
        now.setattr(
            type(app.state.authentication.passwords), "is_outdated", lambda _self, _hash: True
        )
        token = (await attempt(app, None, PASSWORD)).json()["device_token"]
    assert await is_known(app, token)


def _issuer_of(app: FastAPI) -> Issuer:
    return Issuer(app.state.authentication, app.state.sessions, app.state.scopes)


async def test_another_worker_knows_the_device_and_one_with_other_keys_does_not(
    app: FastAPI, token: str, tmp_path: Path
) -> None:
    key = make_signing_key().decode("ascii")
    same, foreign = (
        open_authentication(app.state.settings.authentication),
        open_authentication(
            make_settings(tmp_path, AUTHENTICATION__PRIVATE_KEY=key).authentication
        ),
    )
    found = []
    for authentication in (same, foreign):
        issuer = replace(_issuer_of(app), authentication=authentication)
        async with app.state.database.sessions() as database:
            found.append(await devices.known_device(database, issuer, ANN, token))
    assert found == [base64.urlsafe_b64decode(token)[8:24].hex(), None]
