"""How the published networks of search engines are renewed."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import httpx
import pytest

from app.layers.bots.local.refresh_ranges import ImplausibleRangesError, main, refresh
from app.layers.bots.local.search_engines import RANGES, published_networks

if TYPE_CHECKING:
    from pathlib import Path


def _published(*networks: str) -> bytes:
    prefixes = [{"ipv6Prefix" if ":" in one else "ipv4Prefix": one} for one in networks]
    return json.dumps({"creationTime": "2026-11-01T00:00:00", "prefixes": prefixes}).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of the file."""
    copy = tmp_path / RANGES.name
    shutil.copy(RANGES, copy)
    return copy


def _unchanged(path: Path) -> dict[str, bytes]:
    ranges = json.loads(path.read_text("utf-8"))
    return {entry["source"]: _published(*entry["networks"]) for entry in ranges.values()}


def test_what_came_and_went_is_said_and_written(path: Path) -> None:
    answers = _unchanged(path)
    google = json.loads(path.read_text("utf-8"))["googlebot"]
    networks = [*google["networks"][1:], "66.102.0.0/21", "2001:4860:4801::/64"]
    answers[google["source"]] = _published(*networks)
    changes = refresh(path, answers.__getitem__)
    assert sorted(changes) == [
        "googlebot: + 2001:4860:4801::/64",
        "googlebot: + 66.102.0.0/21",
        f"googlebot: - {google['networks'][0]}",
    ]
    assert len(published_networks(path)["googlebot"]) == len(networks)
    assert refresh(path, answers.__getitem__) == []
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"creationTime": "now", "prefixes": [1]}',
        b'{"creationTime": "now", "prefixes": [{}]}',
        _published(),
        _published("66.249.64.0/20"),
        _published("0.0.0.0/0"),
        _published("8.0.0.0/8"),
        _published("::/0"),
        _published("10.0.0.0/24"),
        _published("127.0.0.1/32"),
        _published("66.249.64.1/20"),
        _published("googlebot.com"),
    ],
    ids=str,
)
def test_attack_a_list_that_is_not_plausible_changes_nothing(path: Path, content: bytes) -> None:
    before = path.read_bytes()
    answers = _unchanged(path)
    answers[next(reversed(answers))] = content
    with pytest.raises(ImplausibleRangesError):
        refresh(path, answers.__getitem__)
    assert path.read_bytes() == before


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/list.json", "file:///etc/passwd"])
def test_attack_a_source_that_is_not_encrypted_is_not_asked(path: Path, source: str) -> None:
    ranges = json.loads(path.read_text("utf-8"))
    ranges["googlebot"]["source"] = source
    path.write_text(json.dumps(ranges), "utf-8")
    with pytest.raises(ImplausibleRangesError, match="not https"):
        refresh(path)


def test_a_source_that_cannot_be_had_is_said_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable() -> list[str]:
        raise httpx.ConnectError("no way")

    monkeypatch.setattr("app.layers.bots.local.refresh_ranges.refresh", unreachable)
    assert main() == 1
    assert "nothing was changed" in capsys.readouterr().err
