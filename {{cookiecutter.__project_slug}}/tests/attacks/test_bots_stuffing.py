"""Layer 5 under credential stuffing: many addresses over one account, one address over many.

The service runs in this process. What the limits have to say to it is in
`test_rate_limits_devices.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.layers.bots import Decision
from app.layers.rate_limits import RateLimits
from app.layers.rate_limits.accounts import account_key
from app.layers.rate_limits.policies import client_key
from tests.in_process import PASSWORD, client_of, make_settings, running, sign_up
from tests.layers.behaviour import same_places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from fastapi import FastAPI

    from app.layers.bots.local.behaviour import Standing

pytestmark = pytest.mark.anyio

LOGIN = "/api/v1/accounts/login"
WRONG = "Wrong-horse-7"
SPELLINGS = {
    "case": "ANN@Example.COM",
    "width": "ａnn@example.com",
    "wide capitals": "ＡNN@example.com",
    "spaces": "  ann@example.com ",
    "ligature": "aﬃne@example.com",
}


@pytest.fixture(scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    """The service, which lets an account fail a dozen times."""
    chosen = {"SERVER__WORKERS": "1", "RATE_LIMITS__FAILED_LOGINS": "12/15minutes"}
    settings = make_settings(tmp_path_factory.mktemp("service"), **chosen)
    with same_places():
        async with running(settings) as one:
            yield one


async def guess(
    client: httpx.AsyncClient, email: str, password: str = WRONG, device: str | None = None
) -> int:
    given = {"email": email, "password": password}
    if device is not None:
        given["device_token"] = device
    return (await client.post(LOGIN, json=given)).status_code


async def besiege(app: FastAPI, email: str, addresses: int = 15) -> list[int]:
    """Guess at an account, once from each of so many addresses."""
    return [await guess(client_of(app), email) for _ in range(addresses)]


def standing(app: FastAPI, client: httpx.AsyncClient) -> Standing:
    address = client_key(client.headers["X-Forwarded-For"])
    found: Standing = app.state.bots.behaviour.standing(address)
    return found


async def test_attack_strangers_at_a_besieged_account_have_less_credit(app: FastAPI) -> None:
    await besiege(app, "besieged@example.com")
    stranger = client_of(app)
    for _ in range(5):
        assert await guess(stranger, "besieged@example.com") == 429
    assert standing(app, stranger).reasons == ("targeted-account",)
    assert standing(app, stranger).score == 40
    for number in range(6):
        await guess(stranger, f"next-{number}@example.com")
    assert standing(app, stranger).decision is Decision.SLOW


async def test_twin_who_mistypes_at_an_account_in_peace_has_all_of_it(app: FastAPI) -> None:
    client = client_of(app)
    await sign_up(client_of(app), "peaceful@example.com")
    for _ in range(4):
        assert await guess(client, "peaceful@example.com") == 401
    assert await guess(client, "peaceful@example.com", PASSWORD) == 200
    assert standing(app, client).score == 0


async def test_attack_guessing_from_everywhere_does_not_lock_the_owners_device_out(
    app: FastAPI,
) -> None:
    home = client_of(app)
    device = (await sign_up(home, "victim@example.com"))["device_token"]
    assert await besiege(app, "victim@example.com") == [401] * 12 + [429] * 3
    assert await guess(home, "victim@example.com", PASSWORD, device) == 200
    assert await guess(client_of(app), "victim@example.com", PASSWORD, device) == 200


async def test_twin_after_the_attack_the_owner_logs_in_without_a_device(app: FastAPI) -> None:
    home = client_of(app)
    await sign_up(home, "patient@example.com")
    await besiege(app, "patient@example.com")
    for _ in range(2):
        assert await guess(home, "patient@example.com") == 429
    app.state.rate_limits = RateLimits(None, workers=1)  # the window is over
    assert await guess(home, "patient@example.com", PASSWORD) == 200
    assert standing(app, home).decision is Decision.ALLOW


async def test_attack_ones_own_account_buys_back_no_failures(app: FastAPI) -> None:
    await sign_up(client_of(app), "own@example.com")
    attacker, plain = client_of(app), client_of(app)
    for number in range(5):
        assert await guess(attacker, f"other-{number}@example.com") == 401
        assert await guess(attacker, "own@example.com", PASSWORD) == 200
        assert await guess(plain, f"other-{number}@example.com") == 401
    for number in range(5, 8):
        app.state.rate_limits = RateLimits(None, workers=1)
        for client in (attacker, plain):
            assert await guess(client, f"other-{number}@example.com") == 401
    assert standing(app, attacker).score >= standing(app, plain).score - 1 > 0


async def test_twin_logging_in_again_and_again_costs_nothing(app: FastAPI) -> None:
    client = client_of(app)
    await sign_up(client_of(app), "often@example.com")
    assert [await guess(client, "often@example.com", PASSWORD) for _ in range(9)] == [200] * 9
    assert standing(app, client).score == 0


async def test_attack_unknown_names_count_as_known_ones(app: FastAPI) -> None:
    known = [f"known-{number}@example.com" for number in range(8)]
    for name in known:
        await sign_up(client_of(app), name)
    scores = []
    for names in (known, [f"nobody-{number}@example.com" for number in range(8)]):
        client = client_of(app)
        assert {await guess(client, name) for name in names} == {401}
        scores.append(standing(app, client))
    assert abs(scores[0].score - scores[1].score) <= 10  # two may share a place
    assert scores[0].reasons == scores[1].reasons == ("many-accounts",)


@pytest.mark.parametrize("spelling", list(SPELLINGS))
async def test_attack_another_spelling_is_no_account_of_its_own(spelling: str) -> None:
    plain = "affine@example.com" if spelling == "ligature" else "ann@example.com"
    assert account_key(SPELLINGS[spelling]) == account_key(plain)


async def test_attack_spellings_do_not_spread_a_siege(app: FastAPI) -> None:
    spellings = ["round@example.com", "ROUND@example.com", "Round@Example.com"]
    for number in range(9):
        await guess(client_of(app), spellings[number % 3])
    stranger = client_of(app)
    for spelling in spellings:
        await guess(stranger, spelling)
    assert standing(app, stranger).reasons == ("targeted-account",)


@pytest.mark.parametrize(
    "other", ["ann@example.org", "anna@example.com", "a.nn@example.com", "ann+1@example.com"]
)
async def test_twin_different_accounts_are_different(other: str) -> None:
    assert account_key(other) != account_key("ann@example.com")


async def test_twin_one_besieged_account_says_nothing_of_another(app: FastAPI) -> None:
    await besiege(app, "left@example.com", 12)
    client = client_of(app)
    for _ in range(3):
        assert await guess(client, "right@example.com") == 401
    assert standing(app, client).score == 0
