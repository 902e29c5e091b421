"""The edge as a container of its own, as it would be run in production.

Not root, no capabilities, nothing that can be written to but one folder in memory; configuration
and certificate are mounted and can only be read.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dev.certificates import ensure_certificates
from dev.edge import EdgeValues
from dev.nginx_image import ImageError, docker
from dev.processes import ROOT, Service
from dev.runner import HOST, free_port
from tests.raw import assert_problem, open_tls
from tests.raw_http2 import get
from tests.raw_http3 import Http3
from tests.stack import Stack, hang_up, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dev.certificates import CertificateFiles

ROOTS_STANDIN = 101
"""Whom to be when the caller is root: some id that is not. The official image has it for nginx."""


class Container:
    """The edge in a container, with nobody behind it."""

    def __init__(self, folder: Path, image: str) -> None:
        made = ensure_certificates(folder / "made")
        self.user = os.getuid() or ROOTS_STANDIN
        self.image = image
        self.name = f"edge-{secrets.token_hex(8)}"
        service = Service(run=folder / "run", certificates=made, settings={})
        self.stack = Stack(service, made.authority)
        self.certificates = folder / "certificates"
        self.certificates.mkdir()
        self.put(made)
        for path in (self.certificates, folder):
            path.chmod(0o755)

    def put(self, made: CertificateFiles) -> None:
        """Put a pair where the container finds it, readable by its user alone."""
        for source, name in ((made.certificate, "fullchain.pem"), (made.key, "privkey.pem")):
            new = self.certificates / f"{name}.new"
            shutil.copyfile(source, new)
            new.chmod(0o400)
            os.chown(new, self.user, -1)
            new.replace(self.certificates / name)

    def served(self) -> bytes:
        """Return the certificate that clients see."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with open_tls(self.stack, context=context) as connection:
            return connection.getpeercert(binary_form=True) or b""

    def _environment(self) -> list[str]:
        ports = self.stack.service.ports
        values = EdgeValues(
            server_name="localhost",
            http_port=ports.http,
            https_port=ports.https,
            upstream=f"{HOST}:{free_port()}",
            certificate="/certificates/fullchain.pem",
            certificate_key="/certificates/privkey.pem",
            access_log="/dev/stdout",
        )
        return [f"--env={name}={value}" for name, value in values.environment().items()]

    def command(self) -> list[str]:
        """Return docker's arguments; the network is this machine's, so that ours is reached."""
        return [
            *("run", "--detach", f"--name={self.name}", "--network=host"),
            *(f"--user={self.user}:{self.user}", "--read-only", "--cap-drop=ALL"),
            *("--security-opt=no-new-privileges", f"--tmpfs=/run/edge:mode=0700,uid={self.user}"),
            f"--mount=type=bind,source={ROOT / 'edge'},target=/opt/edge,readonly",
            f"--mount=type=bind,source={self.certificates},target=/certificates,readonly",
            *self._environment(),
            *("--entrypoint=sh", self.image, "/opt/edge/run.sh", "/run/edge"),
        ]

    @contextmanager
    def running(self) -> Iterator[Container]:
        """Run it until the block ends; nothing of it is left."""
        docker(*self.command())
        try:
            wait_until(self.answers, "its first answer")
            yield self
        except TimeoutError as error:
            raise AssertionError(self.logs()) from error
        finally:
            hang_up()
            docker("rm", "--force", self.name)

    def answers(self) -> bool:
        """Whether anybody listens; not whether it is well."""
        try:
            ssl.get_server_certificate((HOST, self.stack.https_port))
        except ConnectionError:
            return False
        except ssl.SSLError:  # an unknown name, as it should be
            return True
        return True

    def logs(self) -> str:
        """Return all it wrote."""
        return docker("logs", self.name)

    def state(self, field: str) -> str:
        """Return a field of its state."""
        (found,) = json.loads(docker("inspect", self.name))
        return str(found["State"][field])


@pytest.fixture
def container(tmp_path: Path, image: str) -> Iterator[Container]:
    """Return one that runs."""
    with Container(tmp_path, image).running() as one:
        yield one


def test_it_answers_in_full_dress_without_an_application(container: Container) -> None:
    answer = container.stack.client().get("/healthz")
    assert_problem(answer, 502, "unavailable")
    with Http3(container.stack) as connection:
        assert_problem(connection.ask(get()).answer, 502, "unavailable")
    wait_until(lambda: answer.headers["x-request-id"] in container.logs(), "its access log")
    assert container.stack.client(base_url=container.stack.http_url).get("/").status_code == 308


def test_a_renewed_certificate_is_served_without_a_restart(
    container: Container, tmp_path: Path
) -> None:
    before = container.served()
    container.put(ensure_certificates(tmp_path / "renewed"))
    docker("exec", container.name, "sh", "/opt/edge/reload.sh", "/run/edge")
    wait_until(lambda: container.served() != before, "the new certificate")
    assert container.state("Status") == "running"


def test_attack_writing_beside_the_one_folder_fails(container: Container) -> None:
    for path in ("/etc/nginx/x", "/opt/edge/x", "/certificates/x", "/usr/sbin/x", "/var/x"):
        with pytest.raises(ImageError, match=r"(?i)read-only|denied"):
            docker("exec", container.name, "sh", "-c", f"echo x > {path}")


def test_twin_the_one_folder_can_be_written_to(container: Container) -> None:
    docker("exec", container.name, "sh", "-c", "echo x > /run/edge/x")


def test_nobody_in_it_has_any_rights(container: Container) -> None:
    # One that ends while it is read (the renewal's own helpers come and go) has nothing to say.
    look = 'for each in /proc/[0-9]*/status; do cat "$each" 2>/dev/null || continue; done'
    said = [line.split() for line in docker("exec", container.name, "sh", "-c", look).splitlines()]
    assert said.count(["Name:", "nginx"]) >= 2, "its master and a worker"
    asked = ("Uid:", "CapEff:", "CapBnd:", "NoNewPrivs:")
    user = str(container.user)
    assert {tuple(words) for words in said if words[0] in asked} == {
        ("Uid:", user, user, user, user),
        ("CapEff:", "0" * 16),
        ("CapBnd:", "0" * 16),
        ("NoNewPrivs:", "1"),
    }


@pytest.mark.parametrize("signal", ["QUIT", "TERM"])
def test_it_ends_in_order_when_it_is_told_to(container: Container, signal: str) -> None:
    docker("kill", f"--signal={signal}", container.name)
    wait_until(lambda: container.state("Status") == "exited", "its end")
    assert container.state("ExitCode") == "0"
