"""Fills in what differs between installations of the edge: the `EDGE_*` placeholders in `edge/`."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLACEHOLDER = re.compile(r"\$\{(EDGE_[A-Z0-9_]+)\}")
# What could end a directive or a string, or start one of nginx's variables, is not among these.
SAFE_VALUE = re.compile(r"[A-Za-z0-9 ._:/\[\]*-]+")

HTTPS_PORT = 443


class EdgeError(Exception):
    """The edge can't be rendered. The message says which value is missing or refused."""


@dataclass(frozen=True, slots=True)
class EdgeValues:
    """What one installation of the edge is made of. Paths are relative to its folder."""

    server_name: str
    http_port: int
    https_port: int
    upstream: str
    """`address:port` of the application."""
    listen: str = "127.0.0.1"
    certificate: str = "tls/certificate.pem"
    certificate_key: str = "tls/key.pem"
    access_log: str = "access.log"
    error_log: str = "stderr"
    tls_protocols: str = "TLSv1.3"
    tls_groups: str = "X25519:prime256v1:secp384r1"

    @property
    def authority(self) -> str:
        """Name and port as clients write them; 443 goes without saying."""
        suffix = "" if self.https_port == HTTPS_PORT else f":{self.https_port}"
        return f"{self.server_name}{suffix}"

    def placeholders(self) -> dict[str, str]:
        """Return the value of each placeholder."""
        return {
            "EDGE_SERVER_NAME": self.server_name,
            "EDGE_AUTHORITY": self.authority,
            "EDGE_LISTEN": self.listen,
            "EDGE_HTTP_PORT": str(self.http_port),
            "EDGE_HTTPS_PORT": str(self.https_port),
            "EDGE_UPSTREAM": self.upstream,
            "EDGE_CERTIFICATE": self.certificate,
            "EDGE_CERTIFICATE_KEY": self.certificate_key,
            "EDGE_ACCESS_LOG": self.access_log,
            "EDGE_ERROR_LOG": self.error_log,
            "EDGE_TLS_PROTOCOLS": self.tls_protocols,
            "EDGE_TLS_GROUPS": self.tls_groups,
        }


def substitute(text: str, values: dict[str, str]) -> str:
    """Replace `${EDGE_…}` in a configuration text; nginx's own `$variables` stay.

    Raises:
        EdgeError: a placeholder has no value, or one that could change the configuration's shape.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise EdgeError(f"{name} has no value")
        if not SAFE_VALUE.fullmatch(values[name]):
            raise EdgeError(f"{name} may not be {values[name]!r}")
        return values[name]

    return PLACEHOLDER.sub(value_of, text)


def render(source: Path, target: Path, values: EdgeValues) -> None:
    """Write the edge's configuration into a folder from which `nginx -p` can run it.

    Raises:
        EdgeError: a value is missing or refused.
        OSError: a file can't be read or written.
    """
    placeholders = values.placeholders()
    for path in sorted(source.rglob("*.conf")):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy.write_text(substitute(path.read_text("utf-8"), placeholders), "utf-8")
    (target / "temp").mkdir(exist_ok=True)


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
