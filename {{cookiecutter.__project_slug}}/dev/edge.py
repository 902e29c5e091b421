"""Writes the edge's configuration for this machine, with the renderer that servers use too."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from dev.runner import ProcessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PREFIX = "EDGE_"


class EdgeError(ProcessError):
    """The edge can't be rendered. The message is the renderer's: a line for each reason."""


@dataclass(frozen=True, slots=True)
class EdgeValues:
    """What one installation of the edge is made of: `EDGE_*` in lower case, and lists as one text.

    `edge/render/values.awk` says what each may be. Empty: the renderer's default. Paths are
    relative to the installation's folder.
    """

    server_name: str
    http_port: int
    https_port: int
    upstream: str
    """`address:port` or `unix:/path` of the application."""
    listen: str = "127.0.0.1"
    authority: str = ""
    certificate: str = ""
    certificate_key: str = ""
    access_log: str = "access.log"
    error_log: str = ""
    tls: str = ""
    hsts: str = ""
    http3: str = ""
    balancers: str = ""
    client_header: str = ""
    allowed_origins: str = ""
    acme_folder: str = ""
    user: str = ""

    def environment(self) -> dict[str, str]:
        """Return the renderer's variables."""
        return {f"{PREFIX}{one.name.upper()}": str(getattr(self, one.name)) for one in fields(self)}


def readable_origins(origins: str) -> str:
    """Return those origins for which nginx's own errors can be readable.

    The application takes `http://` pages in development, say of a front end's own server; the
    edge never does.
    """
    each = (origin.strip() for origin in origins.split(","))
    return " ".join(origin for origin in each if origin.startswith("https://"))


def render(source: Path, target: Path, values: EdgeValues) -> None:
    """Write the edge's configuration into a folder from which `nginx -p` can run it.

    Raises:
        EdgeError: a value is missing or refused, or there is no nginx.
    """
    ours = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    call: Sequence[str] = ("sh", str(source / "render.sh"), str(target))
    done = subprocess.run(
        call, env=ours | values.environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise EdgeError(done.stderr.strip())


def install_certificate(target: Path, certificate: Path, key: Path) -> None:
    """Put certificate and key where the rendered configuration looks for them.

    The key is linked, not copied: there is one of it.
    """
    folder = target / "tls"
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(certificate, folder / "certificate.pem")
    link = folder / "key.pem"
    link.unlink(missing_ok=True)
    link.symlink_to(key.resolve())
