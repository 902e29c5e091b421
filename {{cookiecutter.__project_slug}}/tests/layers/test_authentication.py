"""Layer 7: whose request it is. Which tokens are believed is in the files beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sqlalchemy import update

from app.accounts.models import Session, User
from app.database import utc_now
from app.errors import Unavailable
from app.layers.authentication import InvalidTokenError, Passwords
from app.layers.authentication.principal import bearer_token
from tests.in_process import PASSWORD, client_of, make_settings, running, sign_up

if TYPE_CHECKING:
    from pathlib import Path


def test_one_bearer_header_is_read() -> None:
    assert bearer_token([b"Bearer abc"]) == "abc"
    assert bearer_token([b"bearer abc"]) == "abc"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b"Bearer a", b"Bearer b"],
        [b"Basic YTpi"],
        [b"Bearer"],
        [b"Bearer "],
        [b"Bearer a b"],
        [b"Bearer  a"],
        [b" Bearer a"],
        [b"Bearer\ta"],
        [b"Bearera"],
    ],
)
def test_any_other_authorization_is_refused(headers: list[bytes]) -> None:
    with pytest.raises(InvalidTokenError):
        bearer_token(headers)


@pytest.mark.anyio
async def test_a_queue_of_passwords_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.layers.authentication.passwords.MAX_WAITING", 2)
    passwords = Passwords(concurrency=1)
    refused: list[str] = []

    async def log_in() -> None:
        try:
            await passwords.verify("Correct-horse-7", None)
        except Unavailable as error:
            refused.append(error.headers["Retry-After"])

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(log_in)
    assert refused == ["5"] * 3
    assert await passwords.verify("Correct-horse-7", None) is False


@pytest.mark.anyio
async def test_a_password_is_verified_against_its_own_hash_only() -> None:
    passwords = Passwords(concurrency=1)
    stored = await passwords.hash("Correct-horse-7")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify("Correct-horse-7", stored) is True
    assert await passwords.verify("correct-horse-7", stored) is False
    assert await passwords.verify("Correct-horse-7", None) is False


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("model", "column"), [(Session, "revoked_at"), (Session, "expires_at"), (User, "disabled_at")]
)
async def test_each_end_of_a_session_or_user_alone_is_the_end(
    tmp_path: Path, model: type[Any], column: str
) -> None:
    """The database is asked for each of them; the token still says what it said."""
    async with running(make_settings(tmp_path)) as app, client_of(app) as client:
        await sign_up(client, "ann@example.com")
        assert (await client.get("/api/v1/accounts/me")).status_code == 200
        async with app.state.database.sessions() as database:
            await database.execute(update(model).values({column: utc_now()}))
            await database.commit()
        assert (await client.get("/api/v1/accounts/me")).status_code == 401


@pytest.mark.anyio
async def test_logins_that_wait_their_turn_hold_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More may wait than there are connections; whoever comes next must still get one."""
    held: list[int] = []
    async with running(make_settings(tmp_path)) as app:

        async def verify(_self: Passwords, _password: str, _stored: str | None) -> bool:
            held.append(app.state.database.engine.pool.checkedout())
            return False

        monkeypatch.setattr(Passwords, "verify", verify)
        given = {"email": "ann@example.com", "password": PASSWORD}
        answer = await client_of(app).post("/api/v1/accounts/login", json=given)
    assert answer.status_code == 401
    assert held == [0]
