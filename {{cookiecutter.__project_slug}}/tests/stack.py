"""The live service as the attacks see it: addresses, clients, accounts and logs."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import secrets
import ssl
import sys
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jwt

from dev.bootstrap import make_signing_key, storage_credentials
from dev.certificates import ensure_certificates
from dev.files import write_private
from dev.processes import Service, serve
from dev.runner import run_once, tail

if TYPE_CHECKING:
    from collections.abc import Iterator

USER_AGENT = "tests/1.0"
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.02
SHOWN_LINES = 40
LOGS = ("app", "nginx", "access", "redis", "s3", "migrations")
FIELD_NAMES = {
    "request_id": "http.request.id",
    "client": "source.ip",
    "status": "http.response.status_code",
    "host": "url.domain",
    "path": "url.path",
    "user_agent": "user_agent.original",
}

# 127.16.0.0/12, from a place that depends on the process: two test runs side by side seldom meet.
_SOURCES = ipaddress.ip_network("127.16.0.0/12")
_next_source = itertools.count(os.getpid() * 512)

# Of the clients of every stack: those that somebody still has, and all that are new in a test, so
# that none is forgotten with its connections open.
_transports: weakref.WeakSet[httpx.HTTPTransport] = weakref.WeakSet()
_new_transports: list[httpx.HTTPTransport] = []


def fresh_source() -> str:
    """Return a loopback address that no client of this run has used: limits never meet."""
    size = _SOURCES.num_addresses
    return str(_SOURCES[1 + next(_next_source) % (size - 2)])


def wait_until(condition: Any, what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the condition's first true value.

    Raises:
        TimeoutError: it did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(POLL_SECONDS)
    return value


def _field_name(name: str) -> str:
    return FIELD_NAMES.get(name, name if "." in name else f"app.{name}")


@dataclass(frozen=True, slots=True)
class Account:
    """A fresh account and a client that is logged in to it."""

    client: httpx.Client
    email: str
    password: str
    user_id: str
    access_token: str
    refresh_token: str


@dataclass(slots=True)
class Stack:
    """The live service."""

    service: Service
    ca_file: Path
    pids: dict[str, int] = field(default_factory=dict)
    _marks: dict[str, int] = field(default_factory=dict)

    @property
    def https_url(self) -> str:
        """The service behind nginx."""
        return self.service.https_url

    @property
    def http_url(self) -> str:
        """nginx's plain HTTP."""
        return self.service.http_url

    @property
    def app_url(self) -> str:
        """The application, going around nginx."""
        return self.service.app_url

    @property
    def s3_url(self) -> str:
        """The object storage."""
        return self.service.s3_url

    @property
    def redis_url(self) -> str:
        """Redis, with its password."""
        return self.service.redis_url

    @property
    def https_port(self) -> int:
        """nginx's TLS port on 127.0.0.1, for raw sockets."""
        return self.service.ports.https

    @property
    def http_port(self) -> int:
        """nginx's plain port on 127.0.0.1, for raw sockets."""
        return self.service.ports.http

    @property
    def app_port(self) -> int:
        """gunicorn's port on 127.0.0.1, for raw sockets."""
        return self.service.ports.app

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that trusts the stack's CA and nothing else."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def client(self, source: str | None = None, **options: Any) -> httpx.Client:
        """Return a client of the service, bound to an address of its own.

        Its connections end with the test; it may open others.

        Args:
            source: a loopback address to come from; a fresh one if not said.
            options: for `httpx.Client`, over what is set here.
        """
        http2 = options.pop("http2", False)
        transport = httpx.HTTPTransport(
            verify=options.pop("verify", self.tls_context()),
            local_address=source or fresh_source(),
            http2=http2,
        )
        headers = {"User-Agent": USER_AGENT, **options.pop("headers", {})}
        chosen = {"base_url": self.https_url, "timeout": PATIENCE_SECONDS, **options}
        client = httpx.Client(transport=transport, headers=headers, trust_env=False, **chosen)
        _transports.add(transport)
        _new_transports.append(transport)
        return client

    def signup(self, client: httpx.Client | None = None) -> Account:
        """Return a fresh account, logged in."""
        client = client or self.client()
        email = f"{secrets.token_hex(8)}@example.com"
        password = f"Aa1-{secrets.token_urlsafe(18)}"
        credentials = {"email": email, "password": password}
        created = client.post("/api/v1/accounts/signup", json=credentials)
        assert created.status_code == 201, created.text
        answer = client.post("/api/v1/accounts/login", json=credentials)
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return Account(
            client,
            email,
            password,
            created.json()["id"],
            tokens["access_token"],
            tokens["refresh_token"],
        )

    def command(self, *arguments: str) -> None:
        """Run a command of the service as its operator would, with the service's settings.

        Raises:
            ProcessError: it failed.
        """
        call = (sys.executable, "-m", *arguments)
        environment = os.environ | self.service.environment
        run_once("command", call, environment, self.service.run, self.service.run)

    def sign_token(self, claims: dict[str, Any], headers: dict[str, Any]) -> str:
        """Sign any claims with the service's own key, as only the service can."""
        key = Path(self.service.settings["AUTHENTICATION__PRIVATE_KEY_FILE"]).read_text("ascii")
        return jwt.encode(claims, key, algorithm="RS256", headers=headers)

    def log_path(self, name: str) -> Path:
        """Return the log file of a process (`access` is nginx's log of requests)."""
        return self.service.run / f"{name}.log"

    def mark(self) -> dict[str, int]:
        """Remember where the logs end now; also returned, for `log_lines(since=…)`."""
        self._marks = {
            name: path.stat().st_size if (path := self.log_path(name)).exists() else 0
            for name in LOGS
        }
        return dict(self._marks)

    def _new_bytes(self, name: str, since: dict[str, int]) -> bytes:
        path = self.log_path(name)
        if not path.exists():
            return b""
        with path.open("rb") as file:
            file.seek(since.get(name, 0))
            return file.read()

    def _find(
        self, wanted: dict[str, Any], since: dict[str, int], source: str
    ) -> list[dict[str, Any]]:
        found = []
        whole, _, _ = self._new_bytes(source, since).rpartition(b"\n")
        for line in whole.splitlines():
            if not line.startswith(b"{"):
                continue
            entry = json.loads(line)
            if all(entry.get(name) == value for name, value in wanted.items()):
                found.append(entry)
        return found

    def log_lines(
        self,
        event: str | None = None,
        since: dict[str, int] | None = None,
        source: str = "app",
        **fields: Any,
    ) -> list[dict[str, Any]]:
        """Return log lines, waiting until there is at least one.

        Args:
            event: the `event.action` they must have; any if not said.
            since: what `mark()` returned; the start of this test if not said.
            source: `app`, or `access` for nginx's.
            fields: other values they must have, by the names in the line. For short, there are
                those of `FIELD_NAMES`, and any other bare name is the application's own: `peer` is
                `app.peer`.

        Raises:
            TimeoutError: none came in time.
        """
        start = since if since is not None else self._marks
        wanted = {_field_name(name): value for name, value in fields.items()}
        if event is not None:
            wanted["event.action"] = event
        found: list[dict[str, Any]] = wait_until(
            lambda: self._find(wanted, start, source), f"a log line with {wanted}"
        )
        return found

    def logs_since_mark(self) -> dict[str, str]:
        """Return the end of what each process wrote since the mark, leaving out the silent ones.

        `outages` are all of the application's since it started: who lost what, and found it again.
        """
        texts = {
            name: self._new_bytes(name, self._marks).decode("utf-8", "replace") for name in LOGS
        }
        return {
            name: "\n".join(text.splitlines()[-SHOWN_LINES:])
            for name, text in texts.items()
            if text
        }


def hang_up() -> None:
    """Close every connection of the clients that stacks handed out; they may open others."""
    for transport in list(_transports):
        transport.close()
    _new_transports.clear()


@contextmanager
def running_stack(folder: Path, **settings: str) -> Iterator[Stack]:
    """Run the service in a temporary folder; extra settings are for the application.

    Raises:
        ProcessError: it did not start.
    """
    certificates = ensure_certificates(folder / "certificates")
    defaults = {
        "ENVIRONMENT": "development",
        "DOCS": "true",
        "SERVER__WORKERS": "2",
        "CORS__ALLOWED_ORIGINS": "https://app.example.test",
        "DATABASE__URL": f"sqlite+aiosqlite:///{folder / 'service.db'}",
        **storage_credentials(),
    }
    if "AUTHENTICATION__JWKS_URL" not in settings:  # else another issuer makes the tokens
        key = folder / "token-signing.pem"
        write_private(key, make_signing_key())
        defaults["AUTHENTICATION__PRIVATE_KEY_FILE"] = str(key)
    service = Service(run=folder / "run", certificates=certificates, settings=defaults | settings)
    with serve(service) as processes:
        stack = Stack(service, certificates.authority, {one.name: one.pid for one in processes})
        stack.mark()
        try:
            yield stack
        finally:
            hang_up()


__all__ = ["Account", "Stack", "fresh_source", "hang_up", "running_stack", "tail", "wait_until"]
