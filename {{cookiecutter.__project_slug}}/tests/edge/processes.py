"""What run.sh started, and how often its watch looks."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.stack import PATIENCE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.edge.running import Edge


def session(leader: int) -> dict[int, str]:
    """Return what still runs of all that a session's leader started: numbers and commands."""
    return {
        int(process.name): command.replace(b"\0", b" ").decode("utf-8", "replace")
        for process in Path("/proc").glob("[0-9]*")
        if (command := _command_in_session(process, leader))
    }


def _command_in_session(process: Path, session: int) -> bytes:
    try:
        # After the name in brackets: state, parent, group, session (proc_pid_stat(5)).
        fields = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
        return (process / "cmdline").read_bytes() if int(fields[3]) == session else b""
    except (FileNotFoundError, ProcessLookupError):
        return b""


@contextmanager
def counting_looks(edge: Edge) -> Iterator[Path]:
    """Give a file that grows each time the watch looks at the pair; the edge is started."""
    tools = edge.folder.parent / "tools"
    tools.mkdir()
    looks = edge.folder.parent / "looks"
    real = shutil.which("sha256sum")
    program = tools / "sha256sum"
    program.write_text(f'#!/bin/sh\necho look >> "{looks}"\nexec {real}\n', "utf-8")
    program.chmod(0o755)
    edge.environment["PATH"] = f"{tools}:{edge.variables()['PATH']}"
    edge.start()
    edge.wait_until_ready()
    yield looks


def wait_for_more(looks: Path, count: int) -> None:
    """Return once the watch has looked so many more times; twice each time it finds a change."""
    start = looks.stat().st_size
    more = start + count * len("look\n")
    wait_until(lambda: looks.stat().st_size >= more, f"{count} more looks", 2 * PATIENCE_SECONDS)
