"""One call of nginx, run from a Docker image as if it were installed: see `dev.nginx_image`.

Same arguments, same network, same process ids, and the same paths for the project's folder and the
temporary one, so that a configuration, a log or a signal to `nginx.pid` means what it always means.
The caller's user, a root file system that can't be written, no capabilities; when the caller is
root, only those with which nginx itself stops being root.

The container ends with its caller, even with one that was killed: a guard beside it notices, and
stops it. Only calls that stay in the foreground are of use.

It is a program of its own, and imports little, because each `nginx -V` starts it anew.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LABEL = "edge.run"
# What nginx's master needs to make its temporary folders its workers', become their user and end
# them. Without root there are no users to change between, and none are needed.
ROOT_CAPABILITIES = ("CHOWN", "KILL", "SETGID", "SETUID")
STOP_SECONDS = 10
# Reads a pipe of which the call holds the other end, and then makes sure.
GUARD = """
cat
docker stop "$1"
docker rm --force "$1"
"""


def mount(folder: Path) -> str:
    """Return the `--mount` of a folder at its own path; it is CSV, so commas are quoted."""
    quoted = str(folder).replace('"', '""')
    return f'type=bind,"source={quoted}","target={quoted}"'


def docker_options(run: str, name: str, *, user: int, group: int) -> list[str]:
    """Return how docker runs it.

    Args:
        run: the value of the container's label, by which all of a run are found.
        name: the container's own.
        user: whose files it may read and write.
        group: that user's.
    """
    folders = list(dict.fromkeys((ROOT, Path(tempfile.gettempdir()).resolve())))
    here = Path.cwd()
    inside = any(here.is_relative_to(folder) for folder in folders)
    return [
        *("--rm", f"--name={name}", f"--label={LABEL}={run}"),
        *("--stop-signal=TERM", f"--stop-timeout={STOP_SECONDS}"),
        *("--network=host", "--pid=host", "--pull=never", "--log-driver=none"),
        *(f"--user={user}:{group}", "--read-only", "--cap-drop=ALL"),
        *(f"--cap-add={right}" for right in ROOT_CAPABILITIES if user == 0),
        "--security-opt=no-new-privileges",
        *(f"--mount={mount(folder)}" for folder in folders),
        f"--workdir={here if inside else '/'}",
        "--entrypoint=nginx",
    ]


def guard(name: str) -> int:
    """Start what stops the container once we are gone; return the file descriptor it waits for."""
    read, write = os.pipe()
    subprocess.Popen(
        ("sh", "-c", GUARD, "guard", name),
        stdin=read,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # whoever ends our process group does not end it too
    )
    os.close(read)
    return write


def main() -> None:
    """Become the call: `nginx_container.py IMAGE RUN [ARGUMENTS OF NGINX]`."""
    image, run, *arguments = sys.argv[1:]
    name = f"nginx-{secrets.token_hex(8)}"
    options = docker_options(run, name, user=os.getuid(), group=os.getgid())
    # In this one process, which becomes docker: the kernel closes it when it ends, however it ends.
    os.set_inheritable(guard(name), True)  # noqa: FBT003 - it takes no keyword
    os.execvp("docker", ["docker", "run", *options, image, *arguments])  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
