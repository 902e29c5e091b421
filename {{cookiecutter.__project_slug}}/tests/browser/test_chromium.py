"""Without a browser nothing is proved, and that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import PROGRAMS, MissingBrowserError, find_program

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_browser_is_told_and_skips_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingBrowserError, match=r"No Chromium on PATH: apt-get install chromium"):
        find_program()


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_name_that_it_has_somewhere_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    program = tmp_path / name
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() == str(program)
