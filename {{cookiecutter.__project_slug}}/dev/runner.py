"""Starts processes, waits until they are ready, and ends them, whatever happens in between.

Each gets its own process group, a log file in the run folder and, where `setpriv` is there, the
kernel's promise to end it when we die, even if we are killed without a chance to clean up.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mirakuru import Executor, HTTPExecutor, SimpleExecutor, TCPExecutor, UnixSocketExecutor
from mirakuru.exceptions import ExecutorError, ProcessExitedWithError, TimeoutExpired

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HOST = "127.0.0.1"
PATIENCE_SECONDS = 20.0
"""For a start, and for a stop before it becomes a kill."""
POLL_SECONDS = 0.05
TAIL_LINES = 20
TAIL_WIDTH = 400
FIRST_PORT, LAST_PORT = 20_000, 32_768  # Linux's ip_local_port_range begins where this ends
_given: set[int] = set()


class ProcessError(Exception):
    """A process is missing, did not start or ended. The message is for the person at the screen."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process and how to see that it is ready."""

    name: str
    command: Sequence[str]
    ready: str
    """`tcp://host:port` or `unix:/path` that takes connections, or `http://…` that answers 200."""
    environment: dict[str, str] = field(default_factory=dict)
    ready_headers: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where it runs; the run folder if not said."""
    install: str | None = None
    """The system package that has its program, for whoever lacks it."""


def free_port(host: str = HOST) -> int:
    """Return a TCP port that nothing listens on right now, and never the same one again.

    It is below the range that outgoing connections are given, so none of them can take it before
    whoever asked for it listens.
    """
    while True:
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        if port not in _given and is_port_free(port, host):
            _given.add(port)
            return port


def is_port_free(port: int, host: str = HOST) -> bool:
    """Whether a TCP port can be listened on."""
    with socket.socket() as probe:
        # As servers do: connections that are just ending don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def find_program(name: str) -> str | None:
    """Return the path of a program; `/usr/sbin`, where nginx lives, is not on everyone's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def dying_with_us(command: Sequence[str]) -> list[str]:
    """Return the command, run so that the kernel ends it when its parent dies.

    The parent is the thread that starts it, so processes are started from the main thread.
    """
    setpriv = find_program("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else list(command)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log, or a word that there are none."""
    text = log.read_text("utf-8", errors="replace") if log.exists() else ""
    last = [line[:TAIL_WIDTH] for line in text.splitlines()[-lines:]]
    return "\n".join(last) or "(it wrote nothing)"


def _executor(process: Process, program: str, run: Path, log: IO[str]) -> Executor:
    common: dict[str, Any] = {
        "cwd": str(process.folder or run),
        "envvars": process.environment,
        "stdin": subprocess.DEVNULL,
        "stdout": log,
        "stderr": subprocess.STDOUT,
        "timeout": PATIENCE_SECONDS,
        "sleep": POLL_SECONDS,
    }
    command = dying_with_us([program, *process.command[1:]])
    ready = urlsplit(process.ready)
    if ready.scheme == "tcp":
        return TCPExecutor(command, host=ready.hostname or HOST, port=ready.port or 0, **common)
    if ready.scheme == "unix":
        return UnixSocketExecutor(command, ready.path, **common)
    return HTTPExecutor(
        command,
        url=process.ready,
        status=200,
        method="GET",
        headers=process.ready_headers,
        request_timeout=2,
        **common,
    )


class Running:
    """A process that was started."""

    def __init__(self, process: Process, run: Path) -> None:
        self.name = process.name
        self.log = run / f"{process.name}.log"
        program = find_program(process.command[0])
        if program is None:
            hint = f": install the package {process.install}" if process.install else ""
            raise ProcessError(f"{process.command[0]} is not installed{hint}")
        with self.log.open("a", encoding="utf-8") as log:
            self._executor = _executor(process, program, run, log)
            # Not the executor's own start(), which waits until it is ready: others start meanwhile.
            SimpleExecutor.start(self._executor)
        started = self._executor.process
        if started is None:
            raise ProcessError(f"{self.name} did not start")
        self.pid = started.pid
        self._popen = started

    def wait_until_ready(self) -> None:
        """Return once it is ready.

        Raises:
            ProcessError: it ended, or was not ready in time; with the end of its log.
        """
        try:
            self._executor.wait_for(self._executor.check_subprocess)
        except ProcessExitedWithError as error:
            raise ProcessError(f"{self.name} ended. Its log ends:\n{tail(self.log)}") from error
        except TimeoutExpired as error:
            raise ProcessError(
                f"{self.name} was not ready in time. Its log ends:\n{tail(self.log)}"
            ) from error

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._popen.poll() is None

    def stop(self) -> None:
        """End it and everything it started: asked first, killed if it takes too long."""
        with suppress(ExecutorError):  # it complains of exit codes, which are no matter now
            self._executor.stop()

    def kill(self) -> None:
        """End it and everything it started, at once."""
        self._executor.kill(wait=False)


@contextmanager
def running(processes: Sequence[Process], run: Path) -> Iterator[list[Running]]:
    """Start processes side by side and end them, last first, when the block ends.

    They may not be ready yet: `wait_until_ready` is for the caller, who has things to do meanwhile.

    Args:
        processes: what to start.
        run: the folder of their logs, and where they run.

    Raises:
        ProcessError: one has no program here; the others have been stopped.
    """
    with ExitStack() as stack:
        started = []
        for process in processes:
            one = Running(process, run)
            stack.callback(one.stop)
            started.append(one)
        yield started


def run_once(
    name: str, command: Sequence[str], environment: dict[str, str], run: Path, folder: Path
) -> None:
    """Run a command to its end in a folder; its log goes to the run folder.

    Raises:
        ProcessError: it failed; with the end of its log.
    """
    log_path = run / f"{name}.log"
    with log_path.open("a", encoding="utf-8") as log:
        done = subprocess.run(
            dying_with_us(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise ProcessError(f"{name} failed. Its log ends:\n{tail(log_path)}")


def wait_for_end(processes: Sequence[Running], seconds: float) -> Running | None:
    """Return the first process that has ended, or None when all live after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for process in processes:
            if not process.is_alive():
                return process
        time.sleep(POLL_SECONDS)
    return None
