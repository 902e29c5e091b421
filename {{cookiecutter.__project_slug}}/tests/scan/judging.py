"""What the judges share: how their programs are run, and what is kept of what they say.

A judge is somebody else's program. Silence is no praise: one that is missing, crashes or reaches
nobody has not judged, and that is an error.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dev.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCANNERS = ROOT / ".venv-scan"
PROGRAMS = SCANNERS / "bin"
TAIL = 1500


class JudgeError(Exception):
    """A judge could not judge. The message is for the person at the screen."""


class Said(NamedTuple):
    """How a program ended, and what it wrote."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of one subject."""

    judge: str
    subject: str
    words: str
    """Its own result, as short as it gives it."""
    against: list[str] = field(default_factory=list)
    """What it holds against us."""
    excused: list[str] = field(default_factory=list)
    """What it said that we answer with a reason, and the reason."""
    met: list[str] = field(default_factory=list)
    """What it confirms, where it gives no word for the whole."""


def consult(
    program: str,
    *arguments: str | Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Said:
    """Run a judge's program to its end, and end all that it started when it takes too long.

    Args:
        program: its name in `.venv-scan`, or on PATH.
        arguments: for it.
        seconds: the deadline.
        environment: variables over those of this process.

    Raises:
        JudgeError: it is missing, or did not come to an end.
    """
    path = shutil.which(program, path=PROGRAMS) or shutil.which(program)
    if path is None:
        raise JudgeError(f"{program} is not installed: `make scan` installs it")
    with subprocess.Popen(  # noqa: S603 - a list of our own, never through a shell
        [path, *map(str, arguments)],
        env=os.environ | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise JudgeError(f"{program} had not judged after {seconds} s") from error
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    return Said(process.returncode, output, errors)


def unable(judge: str, said: Said) -> JudgeError:
    """Return the error that says how a judge failed, in its own last words."""
    words = f"{said.output}\n{said.errors}".strip()[-TAIL:] or "it wrote nothing"
    return JudgeError(f"{judge} could not judge (exit {said.status}): {words}")
