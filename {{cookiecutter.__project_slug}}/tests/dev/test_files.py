"""Files with secrets: private, whole, never over another one."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from dev.files import private_folder, write_private

if TYPE_CHECKING:
    from pathlib import Path


def test_a_private_file_is_readable_by_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert write_private(tmp_path / "secret", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"old")
    assert not write_private(tmp_path / "secret", b"new")
    assert (tmp_path / "secret").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_file_may_be_replaced_on_demand(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"old")
    assert write_private(tmp_path / "secret", b"new", replace=True)
    assert (tmp_path / "secret").read_bytes() == b"new"


def test_a_file_in_place_of_another_may_be_like_it_but_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    for mode, kept in ((0o644, 0o640), (0o755, 0o640), (0o600, 0o600), (0o4700, 0o600)):
        path.chmod(mode)
        assert write_private(path, b"new", replace=True, like=path.stat())
        assert stat.S_IMODE(path.stat().st_mode) == kept
    path.chmod(0o644)
    assert write_private(path, b"new", replace=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_crash_while_writing_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        write_private(tmp_path / "secret", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_private_folder_is_made_with_its_parents_for_the_owner_only(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
