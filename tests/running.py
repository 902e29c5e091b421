"""Running programs as a person would: output in order, a deadline, nobody there to answer."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOREIGN = ("PYTEST_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""How the variables begin that a program run by a test must not inherit from the run around it."""

GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "Template Tests",
    "GIT_AUTHOR_EMAIL": "tests@example.com",
    "GIT_COMMITTER_NAME": "Template Tests",
    "GIT_COMMITTER_EMAIL": "tests@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}

CLEAN_UP_SECONDS = 20

NO_GIT_IDENTITY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


_running: set[subprocess.Popen[str]] = set()


class Outcome(NamedTuple):
    """How a program ended."""

    status: int
    output: str
    """What it wrote to stdout and stderr, in order."""

    @property
    def closing_line(self) -> str:
        """The last line that counts tests or, without one, the last that is not blank."""
        lines = [line for line in self.output.splitlines() if line.strip()]
        counts = [line for line in lines if re.search(r"\d (passed|failed|error)", line)]
        return [*lines, *counts][-1].strip("= ") if lines else ""


def run(
    *command: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    answers: str | None = None,
    seconds: float = 120,
) -> Outcome:
    """Run a program to its end, and end all that it started when it takes too long.

    Args:
        command: the program and its arguments.
        cwd: the folder to run it in.
        env: variables over those of this process.
        answers: what is typed on its stdin.
        seconds: the deadline.

    Raises:
        subprocess.TimeoutExpired: the deadline passed.
    """
    variables = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=variables | dict(env or {}),
        stdin=subprocess.DEVNULL if answers is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        _running.add(process)
        try:
            output, _ = process.communicate(answers, timeout=seconds)
        except BaseException:
            _end(process)
            raise
        finally:
            _running.discard(process)
    return Outcome(process.returncode, output)


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt a program as Ctrl-C does, so that it cleans up; end it when it does not."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=CLEAN_UP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    except ProcessLookupError:
        return  # it ended between the deadline and here


def end_all() -> None:
    """End every program that any thread is running."""
    for process in list(_running):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
