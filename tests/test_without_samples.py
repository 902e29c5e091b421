"""The sample domains can go in one step, and what is left proves itself as before."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project


@pytest.fixture(scope="module")
def stripped(installed: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the baked project whose samples were removed."""
    copy = tmp_path_factory.mktemp("without samples") / installed.folder.name
    shutil.copytree(
        installed.folder, copy, ignore=shutil.ignore_patterns(".venv*", "build", "var", ".env")
    )
    done = run(installed.python, "-m", "dev.remove_samples", cwd=copy)
    assert done.status == 0, done.output
    return copy


def test_nothing_of_them_is_left(stripped: Path) -> None:
    assert not (stripped / "app/notes").exists()
    assert not (stripped / "app/files").exists()
    assert "sample" not in (stripped / "app/domains.py").read_text("utf-8").split('"""')[2]


def test_removing_them_again_changes_nothing(stripped: Path, installed: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in stripped.rglob("*.py")}
    done = run(installed.python, "-m", "dev.remove_samples", cwd=stripped)
    assert done.status == 0, done.output
    assert "no samples" in done.output
    assert before.keys() == set(stripped.rglob("*.py"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--check", "--no-cache"),
        ("mypy", "--cache-dir", "/dev/null"),
        ("pytest", "-q", "-p", "no:cacheprovider", "--numprocesses=2", "--dist=loadfile"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_what_is_left_passes_its_checks(
    stripped: Path, installed: Project, command: tuple[str, ...]
) -> None:
    done = run(installed.python, "-m", *command, cwd=stripped, seconds=880)
    assert done.status == 0, done.output[-6000:]
