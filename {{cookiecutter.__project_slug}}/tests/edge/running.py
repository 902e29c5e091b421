"""The edge as run.sh runs it, in front of an application that answers when a test lets it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from dev.certificates import LEAF_LIFE, Authority, issue, make_authority, private_pem
from dev.processes import ROOT
from dev.runner import HOST, dying_with_us, free_port, tail
from tests.edge.application import Application
from tests.edge.processes import session
from tests.stack import PATIENCE_SECONDS, USER_AGENT, fresh_source, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Edge:
    """nginx behind run.sh, its files and its certificates."""

    folder: Path
    application: Application
    authority: Authority
    source: Path
    """The edge as it is installed, where any user may read it: a checkout may be private."""
    name: str = "localhost"
    user: int | None = None
    """Whom it runs as, if not as the tests do."""
    capability: str = ""
    """What that user may do though it is not root, in the words of setpriv(1)."""
    https_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Return where its standard error goes."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def certificate(self) -> Path:
        """Return the file that nginx reads."""
        return self.folder / "tls" / "certificate.pem"

    @property
    def key(self) -> Path:
        """Return the key that nginx reads."""
        return self.folder / "tls" / "key.pem"

    def pair(self, *names: str) -> tuple[bytes, bytes]:
        """Return a new certificate and its key, for the edge's name and these."""
        certificate, key = issue(self.authority, (self.name, *names))
        return certificate.public_bytes(Encoding.PEM), private_pem(key)

    def certificate_again(self, *only: str, life: timedelta = LEAF_LIFE) -> bytes:
        """Return a new certificate for the key that is there; for these names only, if any."""
        leaf = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in only or (self.name,)])
        new = (
            x509.CertificateBuilder()
            .subject_name(leaf.subject)
            .issuer_name(leaf.issuer)
            .public_key(leaf.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(leaf.not_valid_before_utc)
            .not_valid_after(datetime.now(UTC) + life)
            .add_extension(names, critical=False)
            .sign(self.authority.key, hashes.SHA384())
        )
        return new.public_bytes(Encoding.PEM)

    def put(self, certificate: bytes | None, key: bytes | None) -> None:
        """Write the pair where nginx reads it, each in one step; None leaves the old one."""
        self.certificate.parent.mkdir(exist_ok=True)
        for path, content in ((self.key, key), (self.certificate, certificate)):
            if content is not None:
                draft = path.with_suffix(".draft")
                draft.touch(mode=0o600)
                draft.write_bytes(content)
                if self.user is not None:
                    os.chown(draft, self.user, self.user)
                draft.replace(path)

    def variables(self) -> dict[str, str]:
        """Return the environment of the scripts."""
        return {
            "PATH": os.environ["PATH"],
            "EDGE_SERVER_NAME": self.name,
            "EDGE_LISTEN": HOST,
            "EDGE_HTTPS_PORT": str(self.https_port),
            "EDGE_HTTP_PORT": str(self.http_port),
            "EDGE_UPSTREAM": f"{HOST}:{self.application.server_port}",
            "EDGE_ACCESS_LOG": "access.log",
            "EDGE_CERTIFICATE_CHECK": "1",
            **self.environment,
        }

    def start(self) -> None:
        """Start run.sh, in a session of its own so that all it starts can be found."""
        user = None if self.capability else self.user  # for that, setpriv changes it
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - a command of our own
                self._command(),
                env=self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )

    def _command(self) -> list[str]:
        command = dying_with_us(["/bin/sh", str(self.source / "run.sh"), str(self.folder)])
        if not self.capability:
            return command
        rights = [f"--{kind}-caps=+{self.capability}" for kind in ("inh", "ambient")]
        who = [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        return ["setpriv", *who, *rights, *command]

    def wait_until_ready(self) -> None:
        """Return once it has started, with the log if it ended instead."""

        def answers() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text("utf-8")
            # nginx writes its number last: it takes connections and signals by then.
            return self.master not in {None, os.getpid()}

        wait_until(answers, "the edge")

    @property
    def master(self) -> int | None:
        """Return the process that nginx says it is."""
        try:
            text = (self.folder / "nginx.pid").read_text("ascii").strip()
        except FileNotFoundError:  # `nginx -t` makes the file and takes it away again
            return None
        return int(text) if text else None

    @property
    def challenges(self) -> Path:
        """Return the folder that an ACME client writes challenges to."""
        return self.folder / "acme" / ".well-known" / "acme-challenge"

    @property
    def pid(self) -> int:
        """Return the process that was started."""
        assert self.process is not None
        return self.process.pid

    def reload(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run reload.sh as a deploy hook does: with nothing of run.sh's environment."""
        return subprocess.run(  # noqa: S603 - a command of our own
            ["/bin/sh", str(self.source / "reload.sh"), str(self.folder)],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that trusts the edge's authority and nothing else."""
        anchor = self.authority.certificate.public_bytes(Encoding.PEM).decode("ascii")
        return ssl.create_default_context(cadata=anchor)

    def client(self, *, http2: bool = False) -> httpx.Client:
        """Return a client of the edge, from an address of its own."""
        transport = httpx.HTTPTransport(
            verify=self.tls_context(), http2=http2, local_address=fresh_source()
        )
        return httpx.Client(
            base_url=f"https://{self.name}:{self.https_port}",
            transport=transport,
            headers={"User-Agent": USER_AGENT},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )

    def served(self) -> bytes:
        """Return the certificate that a new handshake is shown, as PEM."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it may have ended: the tests look at which it is
        plain = socket.create_connection((HOST, self.https_port), PATIENCE_SECONDS)
        with context.wrap_socket(plain, server_hostname=self.name) as connection:
            der = connection.getpeercert(binary_form=True)
        assert der is not None
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)

    def wait_until_served(self, certificate: bytes) -> None:
        """Return once new handshakes are shown this certificate."""
        wait_until(lambda: self.served() == certificate, "the new certificate")

    def assert_trusted_by(self, context: ssl.SSLContext) -> None:
        """Do a handshake as a client that checks chain and name."""
        plain = socket.create_connection((HOST, self.https_port), PATIENCE_SECONDS)
        with context.wrap_socket(plain, server_hostname=self.name) as connection:
            assert connection.version() == "TLSv1.3"

    def access_lines(self) -> list[dict[str, Any]]:
        """Return nginx's log of requests so far."""
        whole, _, _ = (self.folder / "access.log").read_text("utf-8").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of this event so far."""
        whole, _, _ = self.log.read_text("utf-8").rpartition("\n")
        entries = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [entry for entry in entries if entry["event.action"] == event]

    def wait_for_line(self, event: str, words: str = "") -> dict[str, Any]:
        """Return the first log line of this event with these words."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines(event) if words in line["message"]]

        lines: list[dict[str, Any]] = wait_until(found, f"{event} in {self.log}")
        return lines[0]


@contextmanager
def edge_files(**settings: Any) -> Iterator[Edge]:
    """Give an edge with a good pair, not started; end what was started and remove its files.

    Its folder is one that the workers may enter, whoever they are: pytest's own are private.
    """
    place = Path(tempfile.mkdtemp(prefix="edge-"))
    place.chmod(0o755)
    folder, source = place / "run", place / "source"
    folder.mkdir()
    shutil.copytree(ROOT / "edge", source)
    for path in (source, *source.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    application = Application()
    thread = Thread(target=application.serve_forever, args=(0.05,))
    thread.start()
    names = (settings["name"],) if "name" in settings else ()
    edge = Edge(folder, application, make_authority(names), source, **settings)
    try:
        edge.put(*edge.pair())
        yield edge
    except BaseException as error:
        if edge.log.exists():
            error.add_note(f"The edge wrote:\n{tail(edge.log)}")
        raise
    finally:
        application.may_end.set()
        if edge.process is not None:
            edge.process.terminate()
            edge.process.wait(PATIENCE_SECONDS)
            wait_until(lambda: not session(edge.pid), "the end of all it started")
        application.shutdown()
        application.server_close()
        thread.join()
        for path in place.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)  # or only root could empty it
        shutil.rmtree(place)


@contextmanager
def running_edge(**settings: Any) -> Iterator[Edge]:
    """Give an edge that runs."""
    with edge_files(**settings) as edge:
        edge.start()
        edge.wait_until_ready()
        yield edge


def without_rights(edge: Edge) -> None:
    """Have it run as a user without rights: as nobody, where the tests are root."""
    if os.getuid() == 0:
        edge.user = pwd.getpwnam("nobody").pw_uid
        for path in (edge.folder, *edge.folder.rglob("*")):
            os.chown(path, edge.user, edge.user)
