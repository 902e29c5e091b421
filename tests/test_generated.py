"""The generated project proves itself: its own commands, in a path with a space and an umlaut."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from bake import ROOT
from tests.running import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Project

pytestmark = pytest.mark.xdist_group("generated")


@pytest.mark.timeout(1300)
@pytest.mark.parametrize("command", ["check", "test", "scan"])
def test_its_own_command_passes(
    installed: Project, command: str, record_property: Callable[[str, object], None]
) -> None:
    done = run("make", command, cwd=installed.folder, seconds=1200)
    record_property("closing_line", f"generated project, make {command}: {done.closing_line}")
    pictures = installed.folder / "build" / "browser"
    if pictures.exists():  # of its /docs, for people; CI keeps them
        shutil.copytree(pictures, ROOT / "build" / "browser", dirs_exist_ok=True)
    assert done.status == 0, done.output[-8000:]


@pytest.mark.timeout(700)
def test_its_judge_of_workflows_has_nothing_to_say_of_the_templates_own(
    installed: Project,
) -> None:
    made = run("make", ".venv-scan/.stamp", cwd=installed.folder, seconds=600)
    assert made.status == 0, made.output[-4000:]
    judge = installed.folder / ".venv-scan" / "bin" / "zizmor"
    done = run(judge, "--offline", "--persona=pedantic", ROOT / ".github", cwd=ROOT)
    assert done.status == 0, done.output
    assert "No findings to report" in done.output
