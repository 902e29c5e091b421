"""Starts what is measured, waits for it, and stops it by its process id."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

START_SECONDS = 60
"""How long a server may take until it accepts connections."""

STOP_SECONDS = 10
"""How long a server may take to end in its own way before it is killed."""

DYING_WITH_US = ("setpriv", "--pdeathsig", "TERM")
"""The kernel ends the server when we die without a chance to stop it."""


class CommandError(BenchError):
    """A program failed, hung or ended before its time."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running server. Its standard output is a file, which for ours is its log."""

    name: str
    pid: int
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


def output_of(
    command: Sequence[str],
    *,
    seconds: float,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    given: str = "",
) -> str:
    """Run a program to its end, with what is given as its input; return what it printed.

    Raises:
        CommandError: it can't be started, failed or took longer than `seconds`.
    """
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environ,
            cwd=folder,
            input=given,
        )
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip()
        raise CommandError(f"{' '.join(command[:4])} … failed:\n{said[-2000:]}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{' '.join(command[:4])} … took over {seconds:.0f} s") from error
    except OSError as error:
        raise CommandError(f"{command[0]} can't be started: {error.strerror}") from error
    return done.stdout


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _wait_until_ready(name: str, process: subprocess.Popen[bytes], port: int, said: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _accepts(port):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = said.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
            raise CommandError(f"{name} did not start (exit code {process.poll()}):\n{tail}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(  # noqa: PLR0913 - what a process is; all but the first two go by name
    name: str,
    command: Sequence[str],
    *,
    core: int,
    port: int,
    environ: Mapping[str, str],
    folder: Path,
) -> Iterator[Process]:
    """Run a server on one core for as long as the block lasts.

    `setpriv` and `taskset` turn into the program, so the process id is the server's own. It has a
    session of its own: Ctrl-C reaches the runner alone, which then stops it.

    Raises:
        CommandError: it can't be started, or does not listen within `START_SECONDS`.
    """
    log, said = folder / f"{name}.log", folder / f"{name}.err"
    with log.open("ab") as out, said.open("ab") as err:
        try:
            process = subprocess.Popen(
                [*DYING_WITH_US, "taskset", "-c", str(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(environ),
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"{name} can't be started: {error.strerror}") from error
    try:
        _wait_until_ready(name, process, port, said)
        yield Process(name, process.pid, port, log)
    finally:
        _stop(process)
