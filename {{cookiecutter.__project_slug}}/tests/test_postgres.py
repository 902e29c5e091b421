"""Where the tests' PostgreSQL is found, and where its files are."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.postgres import PostgresError, find_programs, reachable_folder

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, *programs: str) -> Path:
    """Put programs into a folder and return it."""
    folder.mkdir(parents=True)
    for name in programs:
        (folder / name).touch(mode=0o755)
    return folder


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH, an empty one."""
    folder = install(tmp_path / "path")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_newest_of_debians_is_taken(tmp_path: Path) -> None:
    for version in ("9.6", "15", "16", "17"):
        install(tmp_path / version / "bin", "postgres", "initdb")
    (tmp_path / "17" / "bin" / "initdb").unlink()  # without it, it is no server to begin with
    assert find_programs(tmp_path) == tmp_path / "16" / "bin"


def test_the_one_on_path_is_taken_first_wherever_it_really_is(tmp_path: Path, path: Path) -> None:
    install(tmp_path / "debian" / "16" / "bin", "postgres", "initdb")
    real = install(tmp_path / "real", "postgres", "initdb")
    (path / "postgres").symlink_to(real / "postgres")
    assert find_programs(tmp_path / "debian") == real


def test_none_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match=r"system-packages\.sh"):
        find_programs(tmp_path)


def test_its_folder_can_be_reached_by_another_user_though_ours_are_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    folder = reachable_folder()
    try:
        assert not folder.is_relative_to(tmp_path)
        assert all(parent.stat().st_mode & 0o001 for parent in folder.parents)
        assert folder.stat().st_mode & 0o077 == 0, "and what is in it by nobody else"
    finally:
        folder.rmdir()
