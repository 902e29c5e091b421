"""What the tests share: a clean copy of the template, one project baked from it, its environment.

pytest-xdist runs several processes; what is expensive is made by the first that needs it, behind a
file lock, and shared by all of them.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bake import bake, copy_template
from tests.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTALL_SECONDS = 600
SHARED = "shared ünï"
"""The shared folder's name: a path with a space and letters beyond ASCII must be good enough."""


class Project(NamedTuple):
    """A baked project."""

    folder: Path

    @property
    def python(self) -> Path:
        """The Python of the project's own environment."""
        return self.folder / ".venv" / "bin" / "python"


@contextmanager
def first_come(lock: Path) -> Iterator[bool]:
    """Hold a lock among processes; yield whether this is the first one to get it."""
    with lock.open("a+", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        yield handle.read() == ""
        handle.write("done")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = base / SHARED
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """Return a clean copy of the template, never changed by a test."""
    with first_come(shared / "template.lock") as first:
        if first:
            copy_template(shared / "template")
    return shared / "template"


@pytest.fixture(scope="session")
def baked(shared: Path, template: Path) -> Project:
    """Return the default project, baked once and never changed by a test."""
    with first_come(shared / "baked.lock") as first:
        if first:
            bake(template, shared / "baked")
    return Project(next((shared / "baked").iterdir()))


@pytest.fixture(scope="session")
def installed(shared: Path, baked: Project) -> Project:
    """Return the baked project with its environment, made by its own Makefile."""
    with first_come(shared / "installed.lock") as first:
        if first:
            done = run("make", "install", cwd=baked.folder, seconds=INSTALL_SECONDS)
            assert done.status == 0, done.output[-4000:]
    assert baked.python.exists(), "another process could not install the project"
    return baked


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat how the generated project's own commands closed, so that it can be seen here."""
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "closing_line" and report.when == "call":
                    terminalreporter.write_line(str(value))
