"""Which provider is opened, and what is said at the start."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from app.layers.bots import BotsSettings, Category, open_bots
from app.layers.bots.local import LocalProvider
from app.settings import InvalidSettingsError, load_settings
from tests.in_process import client_of, make_settings, running
from tests.layers.small_app import logged_by

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

KEY = "ajkey_made_up"
UNWELCOME = ("GPTBot/1.3", "sqlmap/1.9#stable", "Googlebot/2.1", "", "x" * 1200, "curl/8.14.1")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged."""
    return logged_by("app.layers.bots.choice", monkeypatch)


async def test_the_default_provider_needs_nothing_beside_the_service(
    events: list[dict[str, Any]],
) -> None:
    async with open_bots(BotsSettings(), redis=None) as provider:
        assert isinstance(provider, LocalProvider)
    assert events == []


@pytest.mark.parametrize("settings", [BotsSettings(monitor=(Category.SEO,)), BotsSettings()])
async def test_enforcing_needs_no_word(
    settings: BotsSettings, events: list[dict[str, Any]]
) -> None:
    async with open_bots(settings, redis=None):
        assert events == []


async def test_who_only_watches_is_told_so_at_each_start(events: list[dict[str, Any]]) -> None:
    async with open_bots(BotsSettings(mode="monitor"), redis=None):
        assert [event["event"] for event in events] == ["bots_monitored"]


@pytest.mark.parametrize("user_agent", UNWELCOME)
async def test_attack_whoever_is_unwelcome_is_refused_by_the_whole_service(
    tmp_path: Path, user_agent: str
) -> None:
    async with (
        running(make_settings(tmp_path)) as app,
        client_of(app, **{"User-Agent": user_agent}) as client,
    ):
        for path in ("/docs", "/docs?next=/openapi.json"):
            assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize("user_agent", UNWELCOME)
async def test_twin_watching_refuses_nobody(tmp_path: Path, user_agent: str) -> None:
    async with (
        running(make_settings(tmp_path, BOTS__MODE="monitor")) as app,
        client_of(app, **{"User-Agent": user_agent}) as client,
    ):
        assert (await client.get("/docs")).status_code == 200


# Arcjet


@pytest.mark.parametrize("key", [{}, {"arcjet_key": ""}], ids=["none", "empty"])
def test_without_a_key_it_is_not_started(key: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="BOTS__ARCJET_KEY"):
        BotsSettings.model_validate({"provider": "arcjet", **key})


def test_without_its_package_it_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without_arcjet(name: str, package: str | None = None) -> Any:
        return None if name == "arcjet" else found(name, package)

    monkeypatch.setattr("app.layers.bots.settings.find_spec", without_arcjet)
    chosen = {"BOTS__PROVIDER": "arcjet", "BOTS__ARCJET_KEY": KEY}
    with pytest.raises(InvalidSettingsError, match=r"requirements/arcjet\.lock") as refused:
        load_settings(chosen, env_file=None)
    assert KEY not in str(refused.value)
    assert BotsSettings().provider == "local"


@pytest.mark.parametrize("seconds", [0, -1, 5.1])
def test_its_time_is_bounded(seconds: float) -> None:
    with pytest.raises(ValidationError):
        BotsSettings.model_validate({"arcjet_timeout": seconds})


def test_nothing_of_it_is_imported_unless_it_is_chosen() -> None:
    """The package is not installed with the service; here it is, so it is hidden."""
    program = (
        "import sys; sys.modules['arcjet'] = None; import app.main; "
        "print(sorted(name for name in sys.modules if name.startswith('app.layers.bots.arcjet')))"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - a command of our own
    assert found.stdout.strip() == b"[]"
