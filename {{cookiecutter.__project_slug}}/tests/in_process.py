"""The service in this process: every layer mounted, SQLite in a temporary folder, no sockets.

For tests of what the service does. What it withstands is tested over real sockets, in `attacks/`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache
from ipaddress import ip_network
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.database import Base
from app.main import create_app
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest
    from fastapi import FastAPI

PROXY = ("127.0.0.1", 40_000)
DOCUMENTATION = ip_network("2001:db8::/32")
"""Clients of tests come from here, each from a network of its own: their limits never meet."""
_next_client = count(0, 1 << 64)
PASSWORD = "Correct-horse-7"


@cache
def signing_key_pem(bits: int = 3072) -> str:
    """Return a private key in PEM, the same in the whole run."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded.decode("ascii")


def make_settings(folder: Path, **environ: str) -> Settings:
    """Return settings for a service in this folder; `environ` goes over the defaults."""
    defaults = {
        "ENVIRONMENT": "development",
        "DATABASE__URL": f"sqlite+aiosqlite:///{folder}/app.db",
        "AUTHENTICATION__PRIVATE_KEY": signing_key_pem(),
        "UPLOADS__ENDPOINT_URL": "http://127.0.0.1:9",
        "UPLOADS__BUCKET": "files",
        "UPLOADS__ACCESS_KEY_ID": "nobody",
        "UPLOADS__SECRET_ACCESS_KEY": "nothing",
    }
    return load_settings(defaults | environ, env_file=None)


def client_of(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    """Return a client at an address of its own, whose requests look as nginx forwards them."""
    forwarded = {
        "X-Forwarded-For": str(DOCUMENTATION[next(_next_client)]),
        "X-Forwarded-Proto": "https",
        "User-Agent": "tests/1.0",
    }
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=PROXY, raise_app_exceptions=False),
        base_url="https://localhost",
        headers=forwarded | headers,
    )


async def empty(app: FastAPI) -> None:
    """Delete every row, so that a test starts from nothing in a service that runs already."""
    engine = app.state.database.engine.execution_options(every_owner=True)
    async with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())


def named_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the environment name a database that is not there yet, for commands; return its path."""
    path = folder / "app.db"
    monkeypatch.chdir(folder)  # no `.env` here
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("DATABASE__URL", f"sqlite+aiosqlite:///{path}")
    return path


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[FastAPI]:
    """Run the application's lifespan around the block, on an empty database."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        async with app.state.database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield app


async def sign_up(client: httpx.AsyncClient, email: str) -> dict[str, Any]:
    """Make an account, log in, let the client carry the token; return the tokens."""
    given = {"email": email, "password": PASSWORD}
    (await client.post("/api/v1/accounts/signup", json=given)).raise_for_status()
    answer = await client.post("/api/v1/accounts/login", json=given)
    tokens: dict[str, Any] = answer.raise_for_status().json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return tokens
