"""The service with two users, for tests of notes. Each test runs on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.in_process import client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from fastapi import FastAPI


@pytest.fixture(scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, database_url: str
) -> AsyncIterator[FastAPI]:
    folder = tmp_path_factory.mktemp("service")
    async with running(make_settings(folder, DATABASE__URL=database_url)) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    await empty(shared)
    return shared


@pytest.fixture
async def ann(app: FastAPI) -> httpx.AsyncClient:
    client = client_of(app)
    await sign_up(client, "ann@example.com")
    return client


@pytest.fixture
async def bob(app: FastAPI) -> httpx.AsyncClient:
    client = client_of(app)
    await sign_up(client, "bob@example.com")
    return client
