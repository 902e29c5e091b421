"""Processes are started, watched and always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dev.runner import (
    HOST,
    Process,
    ProcessError,
    dying_with_us,
    find_program,
    free_port,
    is_port_free,
    run_once,
    running,
    wait_for_end,
)
from tests.stack import wait_until

ROOT = Path(__file__).resolve().parents[2]
# Listens on a port given to it, and has a child, as gunicorn and nginx do.
SERVER = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if sys.argv[2] and os.fork() == 0:
    with open(sys.argv[2], "w") as file:
        file.write(str(os.getpid()))
while True:
    time.sleep(60)
"""


def server(folder: Path, port: int, *, child: bool = True) -> Process:
    command = (sys.executable, "-c", SERVER, str(port), str(folder / "child") if child else "")
    return Process("server", command, ready=f"tcp://{HOST}:{port}")


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text("utf-8").rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


def child_of(folder: Path) -> int:
    path = folder / "child"
    return int(wait_until(lambda: path.exists() and path.read_text("utf-8"), "the child's id"))


def test_a_process_is_ready_when_it_takes_connections_and_ends_with_the_block(
    tmp_path: Path,
) -> None:
    port = free_port()
    with running((server(tmp_path, port),), tmp_path) as (one,):
        one.wait_until_ready()
        socket.create_connection((HOST, port)).close()
        child = child_of(tmp_path)
        assert is_running(one.pid)
    wait_until(lambda: not is_running(one.pid) and not is_running(child), "its end")


def test_an_error_in_the_block_ends_it_too(tmp_path: Path) -> None:
    pids = []

    def interrupted() -> None:
        with running((server(tmp_path, free_port()),), tmp_path) as (one,):
            pids.append(one.pid)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    wait_until(lambda: not is_running(pids[0]), "its end")


def test_it_dies_with_a_parent_that_was_killed_without_warning(tmp_path: Path) -> None:
    assert find_program("setpriv") is not None, "setpriv is not installed: package util-linux"
    port = free_port()
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from dev.runner import running\n"
        "from tests.dev.test_runner import server\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"with running((server(folder, {port}, child=False),), folder) as (one,):\n"
        "    one.wait_until_ready()\n"
        "    print(one.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(  # noqa: S603 - a command of our own
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid), "the process's end")
    wait_until(lambda: is_port_free(port), "the port")


def test_a_process_that_ends_at_once_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no such table')")
    process = Process("app", command, ready=f"tcp://{HOST}:{free_port()}")
    with (
        pytest.raises(ProcessError, match=r"app ended\. Its log ends:\nno such table"),
        running((process,), tmp_path) as (one,),
    ):
        one.wait_until_ready()


def test_a_missing_program_is_an_error_that_says_what_to_install(tmp_path: Path) -> None:
    process = Process("x", ("no-such-program",), ready="tcp://127.0.0.1:1", install="x-server")
    with (
        pytest.raises(
            ProcessError, match="no-such-program is not installed: install the package x-server"
        ),
        running((process,), tmp_path),
    ):
        pass


def test_a_command_that_fails_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('cannot')")
    with pytest.raises(ProcessError, match=r"migrations failed\. Its log ends:\ncannot"):
        run_once("migrations", command, dict(os.environ), tmp_path, tmp_path)


def test_the_first_process_to_end_is_found(tmp_path: Path) -> None:
    port = free_port()
    with running((server(tmp_path, port),), tmp_path) as (one,):
        one.wait_until_ready()
        assert wait_for_end([one], seconds=0.1) is None
        os.kill(one.pid, signal.SIGKILL)
        assert wait_for_end([one], seconds=10) is one


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_port_free(port)
    assert is_port_free(port)


def test_commands_run_under_the_kernels_promise() -> None:
    wrapped = dying_with_us(["true", "--x"])
    assert wrapped[-2:] == ["true", "--x"]
    assert wrapped[1:3] == ["--pdeathsig", "TERM"]
