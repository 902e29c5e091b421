"""Health: alive is not ready, and strangers learn nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.health.service import Readiness
from tests.in_process import client_of, make_settings, running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


class Dependency:
    """A database or Redis that counts how often it is asked, and answers or doesn't."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self.error = error

    async def answers(self) -> bool:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return True

    ping = answers


class Keys:
    """Keys that can be believed, or can't."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.is_open = is_open


async def test_alive_and_ready_with_its_dependencies(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path)) as app:
        client = client_of(app)
        for path in ("/healthz", "/readyz"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_alive_but_not_ready_without_its_database(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path)) as app:
        database = Dependency(OSError("db.internal refused"))
        app.state.readiness = Readiness(database, None, Keys())  # type: ignore[arg-type]
        client = client_of(app)
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "db.internal" not in answer.text


@pytest.mark.parametrize("error", [None, OSError()])
async def test_a_flood_of_questions_is_one_question(error: Exception | None) -> None:
    database, redis = Dependency(error), Dependency()
    readiness = Readiness(database, redis, Keys())  # type: ignore[arg-type]
    answers = {await readiness.is_ready() for _ in range(100)}
    assert answers == {error is None}
    assert database.asked == 1


async def test_redis_is_asked_too() -> None:
    well, ill = Dependency(), Dependency(OSError())
    assert await Readiness(well, well, Keys()).is_ready()  # type: ignore[arg-type]
    assert not await Readiness(well, ill, Keys()).is_ready()  # type: ignore[arg-type]


async def test_a_service_that_can_check_no_token_is_not_ready() -> None:
    well = Dependency()
    assert not await Readiness(well, well, Keys(is_open=False)).is_ready()  # type: ignore[arg-type]
