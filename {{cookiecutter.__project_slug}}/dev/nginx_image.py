"""Runs a command in which `nginx` is that of a Docker image: `make attack NGINX_IMAGE=nginx:1.26`.

For whoever is about to upgrade nginx: the attacks meet the version to come before the service does.
The command finds an `nginx` first in its PATH that starts a container for each call (see
`dev.nginx_container`); nothing else knows the difference. Linux only, with an engine that shares
this machine's network. The image's name is in `NGINX_IMAGE`, for tests that look into it.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dev.nginx_container import LABEL
from dev.runner import dying_with_us

if TYPE_CHECKING:
    from collections.abc import Sequence

CALL = Path(__file__).with_name("nginx_container.py")
PATIENCE_SECONDS = 60.0
"""For the engine's answer; not for a pull, which takes what it takes."""


class ImageError(Exception):
    """There is no engine or no such image. The message is for the person at the screen."""


def docker(*arguments: str, seconds: float | None = PATIENCE_SECONDS) -> str:
    """Return what a docker command wrote.

    Raises:
        ImageError: it failed; with the last line of its complaint.
    """
    try:
        done = subprocess.run(
            ("docker", *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise ImageError("docker is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"docker {arguments[0]} did not answer in {seconds:.0f} s") from error
    if done.returncode != 0:
        raise ImageError(([*done.stderr.strip().splitlines()] or ["docker failed"])[-1])
    return done.stdout


def need_image(image: str) -> None:
    """Return once the engine has the image; it is pulled if it is missing.

    Raises:
        ImageError: no engine answers, or the image can't be had.
    """
    try:
        docker("version")
    except ImageError as error:
        raise ImageError(f"NGINX_IMAGE needs a Docker engine: {error}") from error
    try:
        docker("image", "inspect", image)
    except ImageError:
        print(f"Pulling {image} ...", flush=True)
        docker("pull", "--quiet", image, seconds=None)


def write_nginx(folder: Path, image: str, run: str) -> Path:
    """Write an executable `nginx` that runs the image's, and return it.

    Args:
        folder: where to write it, for PATH.
        image: name of the image.
        run: marks the containers it starts.
    """
    call = shlex.join((sys.executable, "-I", str(CALL), image, run))
    path = folder / "nginx"
    path.write_text(f'#!/bin/sh\nexec {call} "$@"\n', "utf-8")
    path.chmod(0o755)
    return path


def containers(run: str) -> list[str]:
    """Return the ids of a run's containers, whatever their state.

    Raises:
        ImageError: the engine does not answer.
    """
    return docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={run}").split()


def remove_containers(run: str) -> None:
    """Remove what is left of a run: a call that was killed while its container was being made."""
    with suppress(ImageError):  # they may just be going by themselves
        left = containers(run)
        if left:
            docker("rm", "--force", *left)


def run_command(image: str, command: Sequence[str]) -> int:
    """Run a command with the image's nginx; return its exit code.

    Raises:
        ImageError: there is no engine or no such image; the command was not started.
    """
    need_image(image)
    run = secrets.token_hex(8)
    with tempfile.TemporaryDirectory() as folder:
        write_nginx(Path(folder), image, run)
        path = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        environment = os.environ | {"PATH": path, "NGINX_IMAGE": image}
        try:
            with subprocess.Popen(dying_with_us(command), env=environment) as process:
                for number in (signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, lambda number, _frame: process.send_signal(number))
                # Ctrl-C reaches the command as well; we only wait for it to clean up.
                signal.signal(signal.SIGINT, lambda _number, _frame: None)
                status = process.wait()
        finally:
            remove_containers(run)
    return status if status >= 0 else 128 - status


def main() -> int:
    """Read the arguments, run the command."""
    parser = argparse.ArgumentParser(prog="python -m dev.nginx_image", description=__doc__)
    parser.add_argument("image", help="such as nginx:1.26")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, and its arguments")
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("there is no command to run")
    try:
        return run_command(arguments.image, arguments.command)
    except ImageError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
