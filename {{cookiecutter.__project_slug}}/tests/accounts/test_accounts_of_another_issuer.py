"""Users whose tokens another issuer makes: one row each, whoever comes first."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from app.accounts.models import User
from app.database import DatabaseSettings, open_database
from app.layers.authentication.claims import Claims
from app.layers.authentication.provisioning import make_known
from tests.layers.small_app import logged_by

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.anyio

AT_ONCE = 8


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is told of new users."""
    return logged_by("app.layers.authentication.provisioning", monkeypatch)


def claims_of(user_id: uuid.UUID) -> Claims:
    return Claims(user_id, None, "1", frozenset(), 0, 0, 0, "ann")


async def test_a_user_who_is_made_known_by_many_at_once_is_there_once(
    own_database_url: str, log: list[dict[str, Any]]
) -> None:
    claims = claims_of(uuid.uuid4())
    async with open_database(DatabaseSettings(url=SecretStr(own_database_url))) as database:
        await asyncio.gather(*(make_known(database, claims) for _ in range(AT_ONCE)))
        async with database.sessions() as session:
            users = list(await session.scalars(select(User)))
    assert [user.id for user in users] == [claims.user_id]
    assert log == [{"event": "user_created", "user": str(claims.user_id)}]


async def test_many_users_have_no_address_and_are_not_one_for_that(
    own_database_url: str, log: list[dict[str, Any]]
) -> None:
    """An address is unique; none is no address."""
    ids = {uuid.uuid4() for _ in range(AT_ONCE)}
    async with open_database(DatabaseSettings(url=SecretStr(own_database_url))) as database:
        for user_id in ids:
            await make_known(database, claims_of(user_id))
        async with database.sessions() as session:
            users = list(await session.scalars(select(User)))
    assert {user.id for user in users} == ids
    assert {(user.email, user.password_hash, user.role) for user in users} == {(None, None, "user")}
    assert len(log) == AT_ONCE
