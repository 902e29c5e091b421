"""Where the contestants meet: a scratch folder, Redis, two cores, and servers that share them."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import BenchError
from benchmarks.contestants import HOST
from benchmarks.cpu import cores_of_this_machine
from benchmarks.processes import Process, free_port, output_of, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
APPLICATIONS = "benchmarks.applications"
PREPARE_SECONDS = 60

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
"""All that a server gets of our environment: a stray setting must not change what is measured."""


@dataclass(frozen=True, slots=True)
class Arena:
    """What all contestants share."""

    python: Path
    project: Path
    folder: Path
    server_core: int
    load_core: int
    redis: Process
    servers: ExitStack
    """Ends every server when it closes."""

    @property
    def redis_url(self) -> str:
        """Redis, for those who count in it."""
        return f"redis://127.0.0.1:{self.redis.port}/0"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of whatever runs in the project's Python."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {
            **inherited,
            # The project first: both trees hold a package `tests`.
            "PYTHONPATH": f"{self.project}{os.pathsep}{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(extra or {}),
        }

    def run(self, module: str, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """Run a module in the project's Python to its end; return what it printed.

        Raises:
            CommandError: it failed.
        """
        return output_of(
            [str(self.python), "-m", module, *arguments],
            seconds=PREPARE_SECONDS,
            environ=self.environment(environ),
            folder=self.folder,
        )

    def serve(
        self,
        name: str,
        application: str,
        *,
        environ: Mapping[str, str] | None = None,
        is_factory: bool = False,
    ) -> Process:
        """Start one uvicorn worker on the servers' core, and stop it when the arena closes.

        Raises:
            CommandError: it does not start.
        """
        port = free_port()
        command = [
            *(str(self.python), "-m", "uvicorn", f"{APPLICATIONS}.{application}"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--loop", "uvloop", "--http", "httptools", "--log-level", "warning"),
            *("--no-access-log", "--no-proxy-headers", "--no-server-header"),
            *(["--factory"] if is_factory else []),
        ]
        server = running(
            name,
            command,
            core=self.server_core,
            port=port,
            environ=self.environment(environ),
            folder=self.folder,
        )
        return self.servers.enter_context(server)

    def hardened_environment(self) -> dict[str, str]:
        """Return the settings of our service: as in production, with limits that none reaches.

        SQLite and thus `development` in the place of PostgreSQL, which a benchmark can't bring
        along. The environment decides what may start, and nothing of what a request goes through.
        """
        return {
            "ENVIRONMENT": "development",
            "SERVER__WORKERS": "1",
            "DATABASE__URL": f"sqlite+aiosqlite:///{self.folder}/app.db",
            "REDIS__URL": self.redis_url,
            "HTTPS__ALLOWED_HOSTS": HOST,
            "RATE_LIMITS__PER_CLIENT": "1000000/day",
            "AUTHENTICATION__ISSUER": f"https://{HOST}",
            "AUTHENTICATION__ACCESS_TOKEN_SECONDS": "3600",
            "AUTHENTICATION__PRIVATE_KEY_FILE": str(self.folder / "key.pem"),
        }

    def prepare_hardened(self) -> None:
        """Make what our service needs before its first start: a signing key and a schema.

        Raises:
            CommandError: that fails.
        """
        self.run(f"{APPLICATIONS}.make_key", str(self.folder / "key.pem"))
        self.run("app.migrations", environ=self.hardened_environment())

    def versions(self) -> dict[str, str]:
        """Return the versions of what is measured, and of what measures.

        Raises:
            CommandError: something does not say its version.
        """
        found: dict[str, str] = json.loads(self.run(f"{APPLICATIONS}.versions"))
        found["redis-server"] = output_of(["redis-server", "--version"], seconds=10).split()[2]
        return found


@contextmanager
def open_arena(python: Path, project: Path) -> Iterator[Arena]:
    """Start Redis beside the load, in a scratch folder; stop and remove everything at the end.

    Raises:
        BenchError: there are not two cores, or Redis does not start.
    """
    cores = cores_of_this_machine()
    if cores is None:
        raise BenchError("measuring takes two cores: one for the server, one for the load")
    server_core, load_core = cores
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        port = free_port()
        redis = running(
            "redis",
            ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""],
            core=load_core,
            port=port,
            environ={"PATH": os.environ.get("PATH", os.defpath)},
            folder=folder,
        )
        yield Arena(
            python=python,
            project=project,
            folder=folder,
            server_core=server_core,
            load_core=load_core,
            redis=stack.enter_context(redis),
            servers=stack.enter_context(ExitStack()),
        )
