"""PostgreSQL for the tests: Debian's own, on a free port of loopback, gone at the end.

One server for each process that runs tests (with pytest-xdist, each worker), started by the first
test that asks. One for all would need a keeper that outlives every worker; making one takes 0.6 s.

It refuses to run as root (initdb(1)). So when the tests are root, it runs as another user, in a
folder of its own that this user can reach: pytest's folders and a checkout may be private.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from dev.runner import HOST, dying_with_us, free_port, tail
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEBIAN = Path("/usr/lib/postgresql")
"""Debian keeps the servers of all versions here, VERSION/bin, and none of them on PATH."""
USERS = ("postgres", "nobody")
"""Whom it runs as when the tests are root; the first is made by Debian's package."""
OWNER, ROLE = "owner", "service"
TEMPLATE = "migrated"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    # The data is thrown away: what a power cut would do to it is no matter. Nothing else differs.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "100",
    # Neither UTC nor whole hours: a moment that loses its zone on the way is seen at once.
    "timezone": "Asia/Kathmandu",
}


class PostgresError(Exception):
    """PostgreSQL is missing or does not start. The message is for the person at the screen."""


def find_programs(debian: Path = DEBIAN) -> Path:
    """Return the folder of PostgreSQL's programs: the one on PATH, or Debian's newest.

    Raises:
        PostgresError: there is none.
    """
    on_path = shutil.which("postgres")
    versions = debian.glob("*/bin/postgres")
    newest = sorted(versions, key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))])
    candidates = [Path(on_path).resolve(), *newest[::-1]] if on_path else newest[::-1]
    for program in candidates:
        if (program.parent / "initdb").exists():
            return program.parent
    raise PostgresError("PostgreSQL is not installed: sh dev/system-packages.sh tests")


def _server_user() -> pwd.struct_passwd | None:
    """Return the user that it has to run as, None for the tests' own.

    Raises:
        PostgresError: the tests are root, and there is no other user.
    """
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in USERS:
        if name in known:
            return known[name]
    raise PostgresError(f"PostgreSQL does not run as root, and there is no user {USERS[0]}")


def reachable_folder() -> Path:
    """Make a private folder that another user may own: each folder above it lets everybody pass."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp makes it safe
        above = Path(parent).resolve()
        if all(folder.stat().st_mode & 0o001 for folder in (above, *above.parents)):
            break
    return Path(tempfile.mkdtemp(prefix="postgres-", dir=above))


@dataclass(slots=True)
class PostgresServer:
    """A server that can be stopped, started again and made to hang."""

    programs: Path
    folder: Path
    user: pwd.struct_passwd | None
    """Whom it runs as, if not as the tests do."""
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    process: subprocess.Popen[bytes] | None = None
    data: Path = field(init=False)
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.data = self.folder / "data"
        self.log = self.folder / "log"

    def url(self, name: str) -> str:
        """Return the URL of a database for the service, whose role owns it and nothing else."""
        return f"postgresql+asyncpg://{ROLE}:{self.password}@{HOST}:{self.port}/{name}"

    def initialise(self) -> None:
        """Write the files of an empty server whose users need a password.

        Raises:
            PostgresError: it could not be done.
        """
        given = self.folder / "password"
        given.touch(mode=0o600)
        given.write_text(self.password, "ascii")
        if self.user is not None:
            for path in (self.folder, given):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        command = [
            *(str(self.programs / "initdb"), "--pgdata", str(self.data), "--username", OWNER),
            *("--pwfile", str(given), "--auth", "scram-sha-256", "--no-sync"),
            *("--encoding", "UTF8", "--locale", "C"),
        ]
        if self._popen(command).wait() != 0:
            raise PostgresError(f"initdb failed:\n{tail(self.log)}")

    def start(self) -> None:
        """Start it, on the same port as before, and wait until it takes connections.

        Raises:
            PostgresError: it ended instead.
        """
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        place = ["-D", str(self.data), "-p", str(self.port)]
        command = dying_with_us([str(self.programs / "postgres"), *place, *options])
        process = self._popen(command)
        self.process = process

        def is_ready() -> bool:
            if process.poll() is not None:
                raise PostgresError(f"PostgreSQL ended:\n{tail(self.log)}")
            # The last line of the file is its state: what `pg_ctl --wait` looks at.
            file = self.data / "postmaster.pid"
            lines = file.read_text("utf-8").splitlines() if file.exists() else []
            return lines[:1] == [str(process.pid)] and lines[-1].strip() == "ready"

        wait_until(is_ready, "PostgreSQL")

    def stop(self) -> None:
        """End it; clients are cut off."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End it without a word to its clients, as a crash would."""
        self._end(signal.SIGQUIT)

    def hang(self) -> None:
        """Keep its connections open and answer nothing."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        for pid in self._pids():
            os.kill(pid, signal.SIGCONT)

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as its owner; not from asynchronous code."""
        asyncio.run(self.execute(*statements, database=database))

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database and return its URL for the service."""
        self.run(f'CREATE DATABASE "{name}" OWNER {ROLE} TEMPLATE {template}')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def execute(self, *statements: str | Callable[[], None], database: str) -> None:
        """Run statements of one connection as its owner, and call what stands between them."""
        connection = await asyncpg.connect(
            host=HOST, port=self.port, user=OWNER, password=self.password, database=database
        )
        try:
            for statement in statements:
                if isinstance(statement, str):
                    await connection.execute(statement)
                else:
                    statement()
        finally:
            await connection.close()

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        user = self.user
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - a command of our own
                command,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"]},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            )

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.go_on()
        self.process.send_signal(number)
        self.process.wait(20)
        self.process = None

    def _pids(self) -> list[int]:
        if self.process is None or self.process.poll() is not None:
            return []
        main = self.process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text("ascii")
        return [main, *map(int, children.split())]


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run one until the block ends, with the service's role and no database of the service.

    Raises:
        PostgresError: it is missing, or did not start.
    """
    programs, user = find_programs(), _server_user()
    server = PostgresServer(programs, reachable_folder(), user)
    try:
        server.initialise()
        server.start()
        server.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{server.password}'")
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder)
