"""Attacks on layer 1 by a certificate: a bad one must not take the place of a good one.

The hook is certbot's: with nginx as systemd runs it, it may not bind nginx's ports. So neither may
that be taken for a bad pair, nor a bad pair for that.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.edge.certbot import lineage
from tests.edge.doors import DOORS, behind, refusal
from tests.edge.running import edge_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.edge.running import Edge

# The hook as root, for whoever runs the tests: the folder is somebody else's, and su writes down
# what it is asked to do instead of doing it.
AS_ROOT = {
    "id": "echo 0",
    "stat": "echo edge",
    "su": 'printf "%s\\n" "$@" > "$SAID"; cat <&3 > "$SAID.certificate"; cat <&4 > "$SAID.key"',
}
# All that the hook reads of it.
CONFIGURATION = """
server_name localhost;
ssl_certificate tls/certificate.pem;
ssl_certificate_key tls/key.pem;
"""


def kept(edge: Edge) -> tuple[bytes, bytes, bytes]:
    """Return what is on disk, and what is served."""
    return edge.certificate.read_bytes(), edge.key.read_bytes(), edge.served()


@pytest.mark.parametrize("bad", ["of another key", "broken"])
@pytest.mark.parametrize("door", DOORS)
def test_attack_a_bad_pair_where_the_hook_may_not_bind(door: str, bad: str) -> None:
    with behind(door, EDGE_CERTIFICATE_CHECK="3600") as edge:
        before = kept(edge)
        certificate = edge.pair()[0]
        if bad == "broken":
            certificate = certificate.replace(b"M", b"!")
        done = edge.reload(**lineage(edge, certificate, edge.key.read_bytes()))
        assert done.returncode == 1
        line = json.loads(done.stderr)
        assert line["event.action"] == "certificate_refused"
        assert "bind()" not in line["message"]
        assert kept(edge) == before


@pytest.mark.parametrize("door", DOORS)
def test_twin_a_good_pair_where_the_hook_may_not_bind(door: str) -> None:
    with behind(door, EDGE_CERTIFICATE_CHECK="3600") as edge:
        assert "(13: Permission denied)" in refusal(edge)
        certificate, key = edge.pair()
        done = edge.reload(**lineage(edge, certificate, key))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stderr)["event.action"] == "certificate_loaded"
        edge.wait_until_served(certificate)
        assert edge.key.read_bytes() == key


def root_among_fakes(place: Path) -> dict[str, str]:
    """Return an environment in which whoever asks is root, and `$SAID` is what su is asked."""
    for name, does in AS_ROOT.items():
        fake = place / name
        fake.write_text(f"#!/bin/sh\n{does}\n", "utf-8")
        fake.chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}", "SAID": str(place / "said")}


@pytest.mark.parametrize(
    "trap", ["tls/key.pem.new", "tls/certificate.pem.new", "certificate.loaded"]
)
def test_attack_root_is_led_out_of_nginxs_folder_by_a_link(tmp_path: Path, trap: str) -> None:
    with edge_files() as edge:
        (edge.folder / "nginx.conf").write_text(CONFIGURATION, "ascii")
        treasure = tmp_path / "treasure"
        treasure.write_text("root's own", "ascii")
        treasure.chmod(0o600)
        link = edge.folder / trap
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(treasure)
        certificate, key = edge.pair()
        done = edge.reload(**lineage(edge, certificate, key), **root_among_fakes(tmp_path))
        assert done.returncode == 0, done.stderr
        assert treasure.read_text("ascii") == "root's own"
        asked = (tmp_path / "said").read_text("utf-8").splitlines()
        assert asked[:3] == ["-s", "/bin/sh", "edge"]
        assert asked[-1] == str(edge.folder)
        assert (tmp_path / "said.certificate").read_bytes() == certificate
        assert (tmp_path / "said.key").read_bytes() == key
