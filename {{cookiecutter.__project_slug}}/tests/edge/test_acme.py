"""certbot gets a certificate over HTTP-01 and renews it: nginx serves it without a restart.

Against Pebble, the authority that Let's Encrypt tests clients with. It asks a name server of ours
for the address and fetches each challenge from nginx's port 80.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socketserver
import ssl
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from dev.certificates import issue, private_pem
from dev.processes import ROOT
from dev.runner import HOST, Process, find_program, free_port, running
from tests.edge.running import Edge, running_edge
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "api.example.test"
PATIENCE_SECONDS = 60.0
MOST_RENEWALS = 4
COMMAND = ("certonly", "--webroot", "--key-type=ecdsa", "--elliptic-curve=secp384r1")
HEADER_BYTES = 12
TYPE_AND_CLASS_BYTES = 4
TYPE_A = 1


class _NameServer(socketserver.BaseRequestHandler):
    """Answers every question for an IPv4 address with loopback, and no other (RFC 1035 §4.1)."""

    def handle(self) -> None:
        query, wire = self.request
        end = query.index(0, HEADER_BYTES) + 1 + TYPE_AND_CLASS_BYTES
        (kind,) = struct.unpack_from(">H", query, end - TYPE_AND_CLASS_BYTES)
        answer = b""
        if kind == TYPE_A:
            answer = struct.pack(">HHHIH4B", 0xC00C, TYPE_A, 1, 0, 4, 127, 0, 0, 1)
        head = query[:2] + struct.pack(">HHHHH", 0x8580, 1, len(answer) > 0, 0, 0)
        wire.sendto(head + query[HEADER_BYTES:end] + answer, self.client_address)


@contextmanager
def name_server() -> Iterator[int]:
    """Run the name server; give its port."""
    with socketserver.UDPServer((HOST, 0), _NameServer) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class Authority:
    """Pebble, and certbot as its client for one edge."""

    edge: Edge
    folder: Path
    port: int
    management: int
    webroot: Path

    def certbot(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run certbot to its end, with folders of its own."""
        program = find_program("certbot")
        assert program is not None, "certbot is not installed: make system"
        places = [f"--{name}-dir={self.folder / name}" for name in ("config", "work", "logs")]
        return subprocess.run(  # noqa: S603 - a command of our own
            [program, *arguments, *places, "--non-interactive"],
            env=os.environ | {"REQUESTS_CA_BUNDLE": str(self.folder / "trusted.pem")},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def issue(self) -> subprocess.CompletedProcess[str]:
        """Get the first certificate, with the command of docs/certificates.md."""
        hook = shlex.join(["sh", str(self.edge.source / "reload.sh"), str(self.edge.folder)])
        return self.certbot(
            *COMMAND,
            f"--webroot-path={self.webroot}",
            f"--domain={NAME}",
            f"--deploy-hook={hook}",
            f"--server=https://localhost:{self.port}/dir",
            "--agree-tos",
            "--register-unsafely-without-email",
        )

    def renew(self) -> None:
        """Renew at once, with a challenge of its own.

        Pebble takes an old authorization again one time in a hundred even where it is told never
        to (its `rand.Intn(100) > PEBBLE_AUTHZREUSE`), so renew until it has asked anew.
        """
        asked = self.challenges()
        for _ in range(MOST_RENEWALS):
            done = self.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")
            assert done.returncode == 0, done.stdout + done.stderr
            if self.challenges() > asked:
                return
        pytest.fail(f"{MOST_RENEWALS} renewals, and no challenge")

    def challenges(self) -> set[str]:
        """Return the paths of the challenges that were fetched from port 80 so far."""
        paths = {line["url.path"] for line in self.edge.access_lines()}
        return {path for path in paths if "/acme-challenge/" in path}

    def root(self) -> str:
        """Return the root certificate that Pebble made up when it started."""
        context = ssl.create_default_context(cafile=str(self.folder / "trusted.pem"))
        url = f"https://localhost:{self.management}/roots/0"
        return httpx.get(url, verify=context, trust_env=False).text


@contextmanager
def authority_for(edge: Edge, webroot: Path) -> Iterator[Authority]:
    """Run Pebble, which finds the edge's port 80 under every name."""
    folder = edge.folder.parent / "pebble"
    folder.mkdir()
    certificate, key = issue(edge.authority, ())
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(private_pem(key))
    trusted = edge.authority.certificate.public_bytes(Encoding.PEM)
    (folder / "trusted.pem").write_bytes(trusted)
    authority = Authority(edge, folder, free_port(), free_port(), webroot)
    settings = {
        "listenAddress": f"{HOST}:{authority.port}",
        "managementListenAddress": f"{HOST}:{authority.management}",
        "certificate": str(folder / "certificate.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": edge.http_port,
        "tlsPort": edge.https_port,
        "externalAccountBindingRequired": False,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}), "utf-8")
    with name_server() as names:
        pebble = Process(
            name="pebble",
            command=("pebble", "-config", "pebble.json", "-dnsserver", f"{HOST}:{names}"),
            ready=f"tcp://{HOST}:{authority.port}",
            # Without delays and made-up failures; each order is proved anew, a renewal's too.
            environment={
                "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_WFE_NONCEREJECT": "0",
                "PEBBLE_AUTHZREUSE": "0",
            },
            folder=folder,
            install="pebble",
        )
        with running((pebble,), folder) as (process,):
            process.wait_until_ready()
            yield authority


@pytest.fixture
def edge() -> Iterator[Edge]:
    """Return an edge that runs, with the placeholder that precedes a first certificate."""
    with running_edge(name=NAME, environment={"EDGE_CERTIFICATE_CHECK": "3600"}) as running:
        yield running


def test_a_certificate_is_issued_served_renewed_and_served_without_a_restart(edge: Edge) -> None:
    master = edge.master
    with authority_for(edge, edge.folder / "acme") as authority:
        done = authority.issue()
        assert done.returncode == 0, done.stdout + done.stderr
        live = authority.folder / "config" / "live" / NAME
        first = x509.load_pem_x509_certificate((live / "fullchain.pem").read_bytes())
        edge.wait_until_served(first.public_bytes(Encoding.PEM))
        key = first.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp384r1"
        trusting = ssl.create_default_context(cadata=authority.root())
        edge.assert_trusted_by(trusting)

        authority.renew()
        second = x509.load_pem_x509_certificate((live / "fullchain.pem").read_bytes())
        assert second.serial_number != first.serial_number
        edge.wait_until_served(second.public_bytes(Encoding.PEM))
        edge.assert_trusted_by(trusting)
    assert edge.master == master
    fetched = [line for line in edge.access_lines() if "/acme-challenge/" in line["url.path"]]
    assert {line["http.response.status_code"] for line in fetched} == {200}
    assert list((edge.folder / "acme").rglob("*")) == []  # certbot tidied up


def test_an_authority_that_can_not_fetch_the_challenge_issues_nothing(edge: Edge) -> None:
    served = edge.served()
    elsewhere = edge.folder.parent / "elsewhere"
    elsewhere.mkdir()
    with authority_for(edge, elsewhere) as authority:
        done = authority.issue()
        assert done.returncode == 1
        assert "404" in done.stdout + done.stderr
        assert not (authority.folder / "config" / "live" / NAME).exists()
    wait_until(
        lambda: any(one["http.response.status_code"] == 404 for one in edge.access_lines()),
        "the authority's request",
    )
    assert edge.served() == served


def test_the_page_on_certificates_has_the_command_that_is_tested() -> None:
    page = (ROOT / "docs" / "certificates.md").read_text("utf-8")
    (command,) = re.findall(r"^ *certbot (certonly .*?)$\n *```", page, re.DOTALL | re.MULTILINE)
    words = command.replace("\\\n", " ").split()
    for word in (*COMMAND, "--webroot-path", "--domain", "--deploy-hook"):
        assert [one for one in words if one.partition("=")[0] == word or one == word], word
