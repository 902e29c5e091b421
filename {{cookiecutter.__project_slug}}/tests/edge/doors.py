"""An nginx that holds what nobody else may bind: neither its own user again, nor a hook."""

from __future__ import annotations

import os
import secrets
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.runner import find_program, is_port_free
from tests.edge.running import Edge, edge_files, without_rights
from tests.edge.templates import change_source

if TYPE_CHECKING:
    from collections.abc import Iterator

LOW_PORTS = "ports below 1024"
CLOSED_FOLDER = "a socket in a closed folder"
DOORS = (LOW_PORTS, CLOSED_FOLDER)

_FIRST, _LAST = 600, 1023
_FREE_FOR_ALL = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@contextmanager
def behind(door: str, **settings: str) -> Iterator[Edge]:
    """Give an edge that runs as a user without rights and holds such a door.

    Only root can give nginx the one right that low ports need, as systemd does, and in some
    containers they need none. There both doors are the closed folder: the kernel refuses it in the
    same words.
    """
    with pytest.MonkeyPatch.context() as patch, edge_files(environment=settings) as edge:
        if "NGINX_IMAGE" in os.environ:
            # Of whom may bind and signal, a container knows nothing: this machine's nginx, which
            # is in PATH behind the image's (dev/nginx_image.py).
            patch.setenv("PATH", os.environ["PATH"].partition(os.pathsep)[2])
        place = edge.folder.parent / "door"
        place.mkdir()
        without_rights(edge)
        if door == LOW_PORTS and _root_decides_on_low_ports():
            edge.capability = "net_bind_service"
            edge.http_port, edge.https_port = _two_low_ports()
        else:
            # The renderer knows no listener like this one.
            listener = f"server {{\n    listen unix:{place}/socket;\n    listen"
            change_source(edge, "conf.d/http.conf", "server {\n    listen", listener)
            if edge.user is not None:
                os.chown(place, edge.user, edge.user)
        try:
            edge.start()
            edge.wait_until_ready()
            place.chmod(0)
            yield edge
        finally:
            place.chmod(0o700)


def refusal(edge: Edge) -> str:
    """Return what nginx's own test says when its user asks, with no more rights than that."""
    nginx = find_program("nginx")
    assert nginx is not None
    done = subprocess.run(  # noqa: S603 - a command of our own
        [nginx, "-t", "-q", "-e", "stderr", "-p", f"{edge.folder}/", "-c", "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
        user=edge.user,
        group=edge.user,
        extra_groups=None if edge.user is None else [],
    )
    assert done.returncode == 1
    return done.stderr


def _root_decides_on_low_ports() -> bool:
    return os.getuid() == 0 and int(_FREE_FOR_ALL.read_text("ascii")) > _LAST


def _two_low_ports() -> tuple[int, int]:
    free = [port for port in range(_FIRST, _LAST) if is_port_free(port)]
    one = secrets.choice(free)
    return one, secrets.choice([port for port in free if port != one])
