"""The template's source is the product's source: it lints, type-checks and runs as it stands.

Everything here happens in a copy of the body in a folder whose name is still Jinja.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from bake import BODY
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project


@pytest.fixture(scope="module")
def source(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the body, unrendered."""
    copy = tmp_path_factory.mktemp("unrendered") / BODY.name
    shutil.copytree(template / BODY.name, copy)
    return copy


def test_it_is_formatted_and_linted(source: Path, installed: Project) -> None:
    for command in (("format", "--check"), ("check",)):
        done = run(installed.python, "-m", "ruff", *command, "--no-cache", ".", cwd=source)
        assert done.status == 0, done.output


@pytest.mark.timeout(600)
def test_it_is_typed(source: Path, installed: Project, tmp_path: Path) -> None:
    done = run(installed.python, "-m", "mypy", "--cache-dir", tmp_path, cwd=source, seconds=500)
    assert done.status == 0, done.output


@pytest.mark.timeout(600)
def test_its_unit_tests_pass(source: Path, installed: Project) -> None:
    done = run(
        *(installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("--ignore=tests/attacks", "--ignore=tests/browser", "--ignore=tests/edge", "tests"),
        cwd=source,
        seconds=580,
    )
    assert done.status == 0, done.output[-6000:]
    assert " passed" in done.closing_line
