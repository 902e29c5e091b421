"""The generated project proves itself: its own commands, in a path with a space and an umlaut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.running import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Project

pytestmark = pytest.mark.xdist_group("generated")


@pytest.mark.timeout(1300)
@pytest.mark.parametrize("command", ["check", "test"])
def test_its_own_command_passes(
    installed: Project, command: str, record_property: Callable[[str, object], None]
) -> None:
    done = run("make", command, cwd=installed.folder, seconds=1200)
    record_property("closing_line", f"generated project, make {command}: {done.closing_line}")
    assert done.status == 0, done.output[-8000:]
