"""Layer 7 under attack by what answers in the issuer's place, byte by byte: the fetch of its keys.

Over real sockets and TLS, without the service around it. What the service makes of an issuer in
trouble: `…_issuer_outages.py`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.layers.authentication import AuthenticationSettings
from app.layers.authentication.key_set import RemoteKeySet, open_key_set
from dev.certificates import ensure_certificates
from tests.issuer import MISBEHAVIOURS, Issuer, jwk_of, key_named, running_issuer
from tests.layers.small_app import logged_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

MODULE = "app.layers.authentication.key_set"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """A server with keys."""
    with running_issuer(tmp_path_factory.mktemp("server")) as one:
        yield one


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the key set logs. It may fetch again at once."""
    monkeypatch.setattr(f"{MODULE}.COOLDOWN_SECONDS", 0.0)
    return logged_by(MODULE, monkeypatch)


@asynccontextmanager
async def keys_of(server: Issuer, **changes: Any) -> AsyncIterator[RemoteKeySet]:
    """Give the server's keys, fetched once as the service does it."""
    server.behave("well")
    chosen = {"jwks_url": server.jwks_url, "jwks_ca_file": server.ca_file} | changes
    keys = open_key_set(AuthenticationSettings(**chosen))
    await keys.refresh()
    yield keys
    await keys.aclose()
    server.behave("well")


REASONS = {
    "drip": "TimeoutError",
    "endless": "too long",
    "endless headers": "RemoteProtocolError",
    "endless interim answers": "TimeoutError",
    "half": "RemoteProtocolError",
    "no HTTP": "RemoteProtocolError",
    "nothing": "RemoteProtocolError",
    "stall": "TimeoutError",
}


@pytest.mark.parametrize("behaviour", REASONS)
async def test_attack_a_server_that_answers_without_end_or_sense_changes_no_key(
    server: Issuer, log: list[dict[str, Any]], behaviour: str
) -> None:
    async with keys_of(server, jwks_timeout_seconds=0.5) as keys:
        before = await keys.find("first")
        server.behave(behaviour)
        await keys.refresh()
        assert log[-1]["event"] == "keys_unavailable"
        assert log[-1]["reason"] == REASONS[behaviour]
        assert keys.version == 1
        assert await keys.find("first") is before is not None


def test_every_misbehaviour_of_the_server_is_tried() -> None:
    assert REASONS.keys() == MISBEHAVIOURS.keys() | {"stall"}


async def test_attack_a_server_with_a_certificate_of_another_authority_is_not_believed(
    server: Issuer, log: list[dict[str, Any]], tmp_path: Path
) -> None:
    elsewhere = ensure_certificates(tmp_path / "elsewhere").authority
    before = server.fetches
    for ca_file in (elsewhere, None):  # None: those that the world trusts
        async with keys_of(server, jwks_ca_file=ca_file) as keys:
            assert not keys.is_open
        assert log[-1]["reason"] == "ConnectError"
    assert server.fetches == before


async def test_attack_a_certificate_for_another_name_is_not_believed(
    server: Issuer, log: list[dict[str, Any]]
) -> None:
    """Of the right authority, for `localhost` and its addresses, and nothing else."""
    before = server.fetches
    url = server.jwks_url.replace("localhost", "127.1")
    async with keys_of(server, jwks_url=url) as keys:
        assert not keys.is_open
    assert log[-1]["reason"] == "ConnectError"
    assert server.fetches == before


async def test_twin_a_server_with_the_right_certificate_is_believed_and_its_next_key_too(
    server: Issuer, log: list[dict[str, Any]]
) -> None:
    async with keys_of(server) as keys:
        assert await keys.find("second") is None
        server.publish(*(jwk_of(name, key_named(name)) for name in ("first", "second")))
        await keys.refresh()
        for name in ("first", "second"):
            found = await keys.find(name)
            assert found is not None
            assert found.key == key_named(name).public_key()
    assert [line["event"] for line in log] == ["keys_changed"] * 2
