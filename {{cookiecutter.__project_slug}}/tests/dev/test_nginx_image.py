"""The command that runs the attacks on another nginx, against a stand-in for docker.

`tests/docker` shows with a real engine that the containers do what an nginx here would.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dev.nginx_container import ROOT, docker_options, mount
from dev.nginx_image import ImageError, need_image, remove_containers, run_command, write_nginx
from tests.stack import wait_until

DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >> "{calls}"
{body}
"""


class Engine:
    """A `docker` first in PATH that notes its calls and does as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._calls = folder / "calls"

    def does(self, body: str) -> None:
        """Say, as a shell script, what it does when it is called."""
        program = self.folder / "docker"
        program.write_text(DOCKER.format(calls=self._calls, body=body), "utf-8")
        program.chmod(0o755)

    def calls(self) -> list[str]:
        """Return what it was asked."""
        return self._calls.read_text("utf-8").splitlines() if self._calls.exists() else []


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Return an engine that has every image and no container."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    standin = Engine(tmp_path)
    standin.does("exit 0")
    return standin


def options(user: int) -> list[str]:
    return docker_options("a-run", "a-name", user=user, group=100)


def test_nginx_keeps_the_paths_that_the_projects_commands_use() -> None:
    for folder in (ROOT, Path(tempfile.gettempdir()).resolve()):
        assert f"--mount={mount(folder)}" in options(user=1000)


def test_a_container_has_no_rights_that_its_caller_lacks() -> None:
    found = options(user=1000)
    assert "--user=1000:100" in found
    assert {"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"} <= {*found}
    assert not [option for option in found if option.startswith("--cap-add")]


def test_root_keeps_only_what_nginx_needs_to_stop_being_root() -> None:
    kept = [option for option in options(user=0) if option.startswith("--cap-add")]
    assert kept == ["--cap-add=CHOWN", "--cap-add=KILL", "--cap-add=SETGID", "--cap-add=SETUID"]


def test_a_folder_with_commas_and_quotes_in_its_name_can_be_mounted() -> None:
    expected = 'type=bind,"source=/a,b ""c""","target=/a,b ""c"""'
    assert mount(Path('/a,b "c"')) == expected


def test_a_call_becomes_docker_and_its_guard_stops_what_outlives_it(
    engine: Engine, tmp_path: Path
) -> None:
    engine.does('[ "$1" != run ] || { echo "$$" > "$0.pid"; sleep 60; }')
    nginx = write_nginx(tmp_path, "nginx:1.26", "a-run")
    pid = tmp_path / "docker.pid"
    with subprocess.Popen([nginx, "-V"], start_new_session=True) as call:  # noqa: S603 - our own
        assert int(wait_until(lambda: pid.exists() and pid.read_text("ascii"), "it")) == call.pid
        os.killpg(call.pid, signal.SIGKILL)
    (run, stop, remove) = wait_until(lambda: (seen := engine.calls())[2:] and seen, "the guard")
    assert run.endswith(" --entrypoint=nginx nginx:1.26 -V")
    assert f" --name={stop.removeprefix('stop ')} " in run
    assert remove == f"rm --force {stop.removeprefix('stop ')}"


def test_the_command_finds_that_nginx_first(
    engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run_command("nginx:1.26", ["sh", "-c", 'nginx -v; echo "on $NGINX_IMAGE"; exit 7'])
    assert code == 7
    assert capfd.readouterr().out == "on nginx:1.26\n"
    (run,) = (call for call in engine.calls() if call.startswith("run "))
    (listed,) = (call for call in engine.calls() if call.startswith("ps "))
    assert run.endswith(" nginx:1.26 -v")
    assert f" --label={listed.rpartition('label=')[2]} " in run


def test_what_is_left_of_a_run_is_removed_and_nothing_else(engine: Engine) -> None:
    engine.does('[ "$1" != ps ] || printf "c1\\nc2\\n"')
    remove_containers("a-run")
    assert engine.calls() == [
        "ps --all --quiet --filter label=edge.run=a-run",
        "rm --force c1 c2",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_and_the_containers(
    engine: Engine, tmp_path: Path, number: signal.Signals
) -> None:
    engine.does('[ "$1" != ps ] || echo c1')
    started = tmp_path / "started"
    command = ("-m", "dev.nginx_image", "nginx:1.26", "sh", "-c", f"touch '{started}'; sleep 60")
    with subprocess.Popen(  # noqa: S603 - a command of our own
        [sys.executable, *command], cwd=ROOT
    ) as process:
        wait_until(started.exists, "its start")
        process.send_signal(number)
        assert process.wait(timeout=20) == 128 + number
    assert "rm --force c1" in engine.calls()


def test_an_engine_that_does_not_answer_is_one_clear_line(engine: Engine, tmp_path: Path) -> None:
    engine.does("echo 'Cannot connect to the Docker daemon.' >&2; exit 1")
    done = subprocess.run(  # noqa: S603 - a command of our own
        [sys.executable, "-m", "dev.nginx_image", "nginx:1.26", "touch", str(tmp_path / "ran")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "NGINX_IMAGE needs a Docker engine: Cannot connect to the Docker daemon.\n"
    )
    assert not (tmp_path / "ran").exists()


def test_a_machine_without_docker_hears_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="needs a Docker engine: docker is not installed"):
        need_image("nginx:1.26")


def test_an_image_that_is_missing_is_pulled(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.does('[ "$1" != image ]')
    need_image("nginx:1.26")
    assert capsys.readouterr().out == "Pulling nginx:1.26 ...\n"
    assert engine.calls()[-1] == "pull --quiet nginx:1.26"


def test_an_image_that_does_not_exist_is_an_error_with_the_engines_words(engine: Engine) -> None:
    engine.does('[ "$1" = version ] || { echo "manifest unknown" >&2; exit 1; }')
    with pytest.raises(ImageError, match=r"^manifest unknown$"):
        need_image("nginx:0.1")
