"""The processes that make up the service, as data: for `make run`, the tests and the benchmark.

nginx, Redis, S3 and the application, all on loopback, all of their files in one run folder.
"""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dev.edge import EdgeValues, install_certificate, readable_origins, render
from dev.files import private_folder, write_private
from dev.runner import HOST, Process, Running, free_port, run_once, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.certificates import CertificateFiles

ROOT = Path(__file__).resolve().parent.parent
BUCKET = "uploads"
UNIX = "unix:"
AS_NGINX_ASKS = {
    "Host": "localhost",
    "X-Forwarded-For": HOST,
    "X-Forwarded-Proto": "https",
    "User-Agent": "dev/1.0",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each process listens, on loopback. What is not said is any free port."""

    https: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    app: int = field(default_factory=free_port)
    redis: int = field(default_factory=free_port)
    s3: int = field(default_factory=free_port)


@dataclass(frozen=True, slots=True)
class Service:
    """One service to run."""

    run: Path
    """Folder for configuration, logs and whatever the processes write."""
    certificates: CertificateFiles
    settings: dict[str, str]
    """Settings of the application that go beside those that follow from this plan."""
    ports: Ports = field(default_factory=Ports)
    folder: Path | None = None
    """Where the application runs, whose `.env` it reads; the run folder if not said."""
    redis_password: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def https_url(self) -> str:
        """The service as its clients know it."""
        return f"https://localhost:{self.ports.https}"

    @property
    def http_url(self) -> str:
        """Plain HTTP, which leads to HTTPS."""
        return f"http://localhost:{self.ports.http}"

    @property
    def app_url(self) -> str:
        """The application, going around nginx."""
        return f"http://{HOST}:{self.ports.app}"

    @property
    def redis_url(self) -> str:
        """Redis, with its password."""
        return f"redis://:{self.redis_password}@{HOST}:{self.ports.redis}/0"

    @property
    def s3_url(self) -> str:
        """The object storage."""
        return f"http://{HOST}:{self.ports.s3}"

    @property
    def environment(self) -> dict[str, str]:
        """The application's environment, as far as it is ours to say."""
        derived = {
            "PYTHONPATH": str(ROOT),
            "SERVER__BIND": f"{HOST}:{self.ports.app}",
            "REDIS__URL": self.redis_url,
            "UPLOADS__ENDPOINT_URL": self.s3_url,
            "UPLOADS__BUCKET": BUCKET,
        }
        return derived | self.settings


def nginx(service: Service) -> Process:
    """The edge. `-e stderr`: its compiled-in log file belongs to the system's nginx."""
    command = ("nginx", "-e", "stderr", "-p", f"{service.run}/", "-c", "nginx.conf")
    return Process(
        name="nginx",
        command=(*command, "-g", "daemon off;"),
        ready=f"tcp://{HOST}:{service.ports.https}",
        folder=service.run,
        install="nginx",
    )


def redis(service: Service) -> Process:
    """Counters of the rate limits: in memory only."""
    return Process(
        name="redis",
        command=("redis-server", "redis.conf"),
        ready=f"tcp://{HOST}:{service.ports.redis}",
        folder=service.run,
        install="redis-server",
    )


def s3(service: Service) -> Process:
    """Object storage. It asks for the credentials that the application has."""
    address = ("--host", HOST, "--port", str(service.ports.s3), "--bucket", BUCKET)
    return Process(
        name="s3",
        command=(sys.executable, "-m", "dev.s3", *address),
        ready=f"{service.s3_url}/_ready",
        environment=service.environment,
        folder=service.run,
    )


def app(service: Service) -> Process:
    """The application under gunicorn. Ready when it answers as nginx would ask.

    On a Unix socket, it is ready when it takes connections; requests wait for its workers.
    """
    bind = service.environment["SERVER__BIND"]
    config = str(ROOT / "gunicorn.conf.py")
    return Process(
        name="app",
        command=(sys.executable, "-m", "gunicorn", "-c", config, "app.main:create_app()"),
        ready=bind if bind.startswith(UNIX) else f"{service.app_url}/healthz",
        ready_headers=AS_NGINX_ASKS,
        environment=service.environment,
        folder=service.folder or service.run,
    )


def _redis_configuration(service: Service) -> str:
    return "\n".join(
        (
            f"bind {HOST}",
            f"port {service.ports.redis}",
            f"requirepass {service.redis_password}",
            'save ""',
            "appendonly no",
            "maxmemory 64mb",
            "maxmemory-policy volatile-ttl",
            "",
        )
    )


def edge_values(service: Service) -> EdgeValues:
    """Return what differs between this edge and others."""
    environment = service.environment
    upstream = environment["SERVER__BIND"]
    # A socket is for its owner and group; started by root, nginx's workers would be neither.
    is_roots = upstream.startswith(UNIX) and os.geteuid() == 0
    return EdgeValues(
        server_name="localhost",
        http_port=service.ports.http,
        https_port=service.ports.https,
        upstream=upstream,
        allowed_origins=readable_origins(environment.get("CORS__ALLOWED_ORIGINS", "")),
        user="root" if is_roots else "",
    )


def prepare(service: Service) -> None:
    """Write the configuration of nginx and Redis into the run folder.

    Raises:
        EdgeError: nginx is missing, or a value for it is refused.
    """
    private_folder(service.run)
    render(ROOT / "edge", service.run, edge_values(service))
    install_certificate(service.run, service.certificates.certificate, service.certificates.key)
    write_private(service.run / "redis.conf", _redis_configuration(service).encode(), replace=True)


def migrate(service: Service) -> None:
    """Bring the database's schema up to date.

    Raises:
        ProcessError: it could not be done.
    """
    command = (sys.executable, "-m", "app.migrations")
    folder = service.folder or service.run
    run_once("migrations", command, os.environ | service.environment, service.run, folder)


@contextmanager
def serve(service: Service) -> Iterator[list[Running]]:
    """Run the service until the block ends; give its processes, all of them ready.

    Raises:
        ProcessError: a program is missing, or a process did not start; all others were stopped.
    """
    prepare(service)
    with ExitStack() as stack:
        around = stack.enter_context(
            running((nginx(service), redis(service), s3(service)), service.run)
        )
        migrate(service)
        for one in around:
            one.wait_until_ready()
        (application,) = stack.enter_context(running((app(service),), service.run))
        application.wait_until_ready()
        yield [*around, application]
