"""Failed logins of one account, from however many addresses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from app.layers.rate_limits import (
    MemoryStore,
    RateLimited,
    RateLimits,
    RateLimitsSettings,
    limit_account,
)
from app.layers.rate_limits.accounts import account_key

if TYPE_CHECKING:
    from tests.layers.conftest import Clock

ANN = "ann@example.com"

pytestmark = pytest.mark.anyio


class WrongPasswordError(Exception):
    """The attempt failed."""


class DatabaseDownError(Exception):
    """Nobody knows whether the password was right."""


@pytest.fixture
def request_in_hand(clock: Clock) -> Request:
    """A request to a service that allows three failed logins a minute."""
    app = FastAPI()
    app.state.settings = SimpleNamespace(rate_limits=RateLimitsSettings(failed_logins="3/minute"))
    app.state.rate_limits = RateLimits(None, workers=1, local=MemoryStore(clock=clock))
    return Request({"type": "http", "app": app})


async def _attempt(request: Request, name: str, outcome: Exception | None = None) -> str:
    try:
        async with limit_account(request, name, failure=WrongPasswordError):
            if outcome is not None:
                raise outcome
    except (WrongPasswordError, DatabaseDownError, RateLimited) as error:
        return type(error).__name__
    return "logged in"


async def test_failures_add_up_until_the_account_is_closed(request_in_hand: Request) -> None:
    wrong = WrongPasswordError()
    answers = [await _attempt(request_in_hand, ANN, wrong) for _ in range(5)]
    assert answers == ["WrongPasswordError"] * 3 + ["RateLimited"] * 2
    # The right password does not help now, or a guess would be known to be right.
    assert await _attempt(request_in_hand, ANN) == "RateLimited"


async def test_another_account_is_not_touched(request_in_hand: Request) -> None:
    for _ in range(5):
        await _attempt(request_in_hand, ANN, WrongPasswordError())
    assert await _attempt(request_in_hand, "bob@example.com") == "logged in"


async def test_who_logs_in_is_never_closed_out(request_in_hand: Request) -> None:
    answers = [await _attempt(request_in_hand, ANN) for _ in range(20)]
    assert answers == ["logged in"] * 20


async def test_a_success_does_not_forgive_the_failures_before_it(request_in_hand: Request) -> None:
    wrong = WrongPasswordError()
    answers = [
        await _attempt(request_in_hand, ANN, outcome)
        for outcome in (wrong, wrong, None, wrong, None)
    ]
    assert answers[2] == "logged in"
    assert answers[4] == "RateLimited"


async def test_what_is_not_the_clients_failure_is_given_back(request_in_hand: Request) -> None:
    for _ in range(5):
        await _attempt(request_in_hand, ANN, DatabaseDownError())
    assert await _attempt(request_in_hand, ANN) == "logged in"


async def test_the_account_opens_again_when_the_window_ends(
    request_in_hand: Request, clock: Clock
) -> None:
    for _ in range(5):
        await _attempt(request_in_hand, ANN, WrongPasswordError())
    clock.now += 60
    assert await _attempt(request_in_hand, ANN) == "logged in"


async def test_guesses_at_once_do_not_all_find_the_count_at_nought(
    request_in_hand: Request,
) -> None:
    async def check_password() -> None:
        await asyncio.sleep(0)
        raise WrongPasswordError

    async def guess() -> str:
        try:
            async with limit_account(request_in_hand, ANN, failure=WrongPasswordError):
                await check_password()
        except (WrongPasswordError, RateLimited) as error:
            return type(error).__name__
        return "logged in"

    answers = await asyncio.gather(*(guess() for _ in range(100)))
    assert answers.count("WrongPasswordError") == 3


async def test_a_guess_that_is_given_up_counts(request_in_hand: Request) -> None:
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            async with limit_account(request_in_hand, ANN, failure=ValueError):
                raise asyncio.CancelledError
    assert await _attempt(request_in_hand, ANN) == "RateLimited"


@pytest.mark.parametrize(
    "spelling",
    [
        "ANN@EXAMPLE.COM",
        " ann@example.com ",
        "ａｎｎ@example.com",
        "Ann@Example.com",
        "ᴬnn@example.com",
    ],
)
async def test_another_spelling_buys_no_more_guesses(
    request_in_hand: Request, spelling: str
) -> None:
    for _ in range(3):
        await _attempt(request_in_hand, ANN, WrongPasswordError())
    assert await _attempt(request_in_hand, spelling) == "RateLimited"


@pytest.mark.parametrize("name", ["", "x" * 10_000, "\ud800", "a\x00b", "ß", "İ"])
def test_any_text_has_a_key_and_the_key_does_not_tell_it(name: str) -> None:
    key = account_key(name)
    assert len(key) == 32
    assert not name or name not in key


def test_the_key_is_not_the_address() -> None:
    assert "ann" not in account_key(ANN)


async def test_the_log_hears_once_that_an_account_is_closed(
    request_in_hand: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []

    def note(event: str, **fields: Any) -> None:
        logged.append({"event": str(event), **fields})

    monkeypatch.setattr("app.layers.rate_limits.outcomes.log_event", note)
    for _ in range(10):
        await _attempt(request_in_hand, ANN, WrongPasswordError())
    assert [entry["event"] for entry in logged] == ["authn_login_lock"]
    assert "ann" not in str(logged)
