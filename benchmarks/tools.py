"""The programs that measuring takes beside Python, and how they come onto a Debian machine."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from benchmarks import BenchError
from benchmarks.processes import CommandError, output_of

if TYPE_CHECKING:
    from pathlib import Path

OURS = {"wrk": "wrk", "taskset": "util-linux", "setpriv": "util-linux"}
"""Program → the Debian package that brings it, of what only measuring takes."""

THEIRS = {"redis-server": "redis-server", "redis-cli": "redis-tools"}
"""The same, of what the service takes too: its own script installs it without starting it."""

INSTALL_SECONDS = 300


def _missing(packages: dict[str, str]) -> list[str]:
    return [program for program in packages if shutil.which(program) is None]


def _as_root() -> list[str] | None:
    """Return what stands before a command to run it as root; None when we can't."""
    if os.geteuid() == 0:
        return []
    try:
        output_of(["sudo", "-n", "true"], seconds=10)
    except CommandError:
        return None
    return ["sudo", "-n"]


def _install(packages: list[str]) -> None:
    root = _as_root() if shutil.which("apt-get") else None
    if root is None:
        return
    print(f"bench: installing {' '.join(packages)}", flush=True)
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    output_of([*apt, "update"], seconds=INSTALL_SECONDS)
    output_of([*apt, "install", "--no-install-recommends", *packages], seconds=INSTALL_SECONDS)


def require_tools(project: Path) -> None:
    """See to it that every program is there; install what is missing where that is possible.

    Raises:
        BenchError: something is missing and can't be installed from here.
    """
    known = {**OURS, **THEIRS}
    absent = _missing(known)
    if not absent:
        return
    packages = sorted({known[program] for program in absent})
    advice = f"{', '.join(absent)} not found; install: {' '.join(packages)}"
    try:
        if _missing(THEIRS):
            output_of(["sh", f"{project}/dev/system-packages.sh"], seconds=INSTALL_SECONDS)
        if _missing(OURS):
            _install(sorted({OURS[program] for program in _missing(OURS)}))
    except CommandError as error:
        raise BenchError(f"{advice} (trying to: {error})") from error
    if _missing(known):
        raise BenchError(advice)
