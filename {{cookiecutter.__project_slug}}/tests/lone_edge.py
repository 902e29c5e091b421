"""nginx alone, as it is shipped, before an application of ours that writes down what reaches it."""

from __future__ import annotations

import secrets
import socket
import socketserver
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

from dev.edge import EdgeValues, render
from dev.processes import ROOT, Ports, Service, edge_values, nginx, prepare
from dev.runner import HOST, find_program, running
from tests.raw import ask, open_plain, request
from tests.stack import Stack, hang_up, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODIES = {b"/large": b"x" * 24_000_000, b"/ordinary": b"x" * 1_200_000}
"""What is answered for these paths; `{}` for others.

The first is more than all buffers between nginx and a client that does not read, the second fits
into what nginx has for one answer (edge/snippets/location/proxy.conf).
"""

SAID = (
    ("Content-Type", "application/json"),
    ("Vary", "Origin"),
    ("Cache-Control", "public, max-age=5"),
    ("Alt-Svc", 'h3="evil.example:443"'),
)
"""Headers of the application's answers. The last is nginx's to say."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came out of nginx, byte for byte."""

    head: bytes
    body: bytes
    connection: int
    """nginx's port: by which of its connections to the application it came."""

    @property
    def first_line(self) -> str:
        """Method, target and version."""
        return self.head.split(b"\r\n")[0].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case, and values."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def values(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for known, value in self.headers if known == name]

    def assert_plain(self) -> None:
        """Assert that no two parsers could read it differently (RFC 9112 §6.3 and §11.2)."""
        assert not set(self.head.replace(b"\r\n", b"")) & {0, 10, 13}
        assert self.first_line.endswith(" HTTP/1.1")
        assert all(name and not set(name) & set(" \t\x0b\x0c_") for name, _ in self.headers)
        assert self.values("transfer-encoding") == []
        assert self.values("content-length") in ([], [str(len(self.body))])
        assert len(self.values("host")) == 1


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Take requests until nginx closes the connection."""
        with suppress(ConnectionError):
            while head := self._head():
                self._answer(head)

    def _head(self) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return b""
            head += line
        return head.removesuffix(b"\r\n\r\n")

    def _answer(self, head: bytes) -> None:
        connection = self.client_address[1]
        arrival = Arrival(head, b"", connection)
        length = sum(map(int, arrival.values("content-length")))
        self.server.arrivals.append(Arrival(head, self.rfile.read(length), connection))
        path = head.split(b" ")[1].partition(b"?")[0]
        body = BODIES.get(path, b"{}")
        lines = [f"{name}: {value}" for name, value in (*SAID, ("Content-Length", len(body)))]
        answered = "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()
        self.wfile.write(answered + body)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        super().__init__((HOST, 0), _Handler)


@dataclass(slots=True)
class LoneEdge:
    """nginx, and what came out of it."""

    stack: Stack
    """For clients and raw connections; only nginx answers there."""
    arrivals: list[Arrival]

    def arrived(self, mark: str) -> list[Arrival]:
        """Return what reached the application with this mark anywhere in it."""
        return [one for one in self.arrivals if mark.encode() in one.head + one.body]

    def the_arrival(self, mark: str) -> Arrival:
        """Return the one request with this mark, waiting for it."""
        wait_until(lambda: self.arrived(mark), f"a request with {mark}")
        (one,) = self.arrived(mark)
        return one

    def seen_client(self, source: str, *headers: str, first: bytes = b"") -> str:
        """Send a request from an address; return who nginx says the client is, here and in its log.

        Args:
            source: the loopback address to come from.
            headers: header lines of the request.
            first: bytes before the handshake.
        """
        path = f"/{secrets.token_hex(8)}"
        with open_plain(self.stack.https_port, source) as plain:
            plain.sendall(first)
            tls = self.stack.tls_context().wrap_socket(plain, server_hostname="localhost")
            assert ask(tls, request(path, *headers)).status == 200
        arrival = self.the_arrival(path)
        arrival.assert_plain()
        assert arrival.values("x-real-ip") == arrival.values("x-forwarded-for")
        (line,) = self.stack.log_lines(source="access", path=path)
        assert [line["source.ip"]] == arrival.values("x-forwarded-for")
        assert line["edge.peer_ip"] == source
        return str(line["source.ip"])


def build_of_nginx() -> str:
    """Return what the nginx of this run says of its version and build."""
    program = find_program("nginx")
    assert program is not None, "nginx is not installed: make system"
    done = subprocess.run(  # noqa: S603 - a command of our own
        [program, "-V"], capture_output=True, text=True, check=True
    )
    return done.stderr


def _with(values: EdgeValues, changed: dict[str, Any]) -> EdgeValues:
    return EdgeValues(**(asdict(values) | changed))


@contextmanager
def lone_edge(
    stack: Stack, folder: Path, *, upstream: bool = True, **values: str
) -> Iterator[LoneEdge]:
    """Run nginx with the stack's certificate and allowed origins until the block ends.

    Args:
        stack: whose certificate is used.
        folder: for nginx's files.
        upstream: whether anything listens where nginx looks for the application.
        values: for `EdgeValues`, in the place of those of the tests.

    Raises:
        EdgeError: a value is refused.
    """
    settings = {"CORS__ALLOWED_ORIGINS": stack.service.settings["CORS__ALLOWED_ORIGINS"]}
    with ExitStack() as cleanup:
        # The port is held from the start: one that is only known to be free may be taken by another
        # process before nginx is up. A socket that is bound and does not listen refuses everybody.
        arrivals: list[Arrival] = []
        if upstream:
            server = cleanup.enter_context(_Server())
            thread = Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            cleanup.callback(thread.join)
            cleanup.callback(server.shutdown)
            arrivals, port = server.arrivals, server.server_address[1]
        else:
            nobody = cleanup.enter_context(socket.socket())
            nobody.bind((HOST, 0))
            port = nobody.getsockname()[1]
        service = Service(
            run=folder / "run",
            certificates=stack.service.certificates,
            settings=settings,
            ports=Ports(app=port),
        )
        prepare(service)
        if values:
            render(ROOT / "edge", service.run, _with(edge_values(service), values))
        (process,) = cleanup.enter_context(running((nginx(service),), service.run))
        process.wait_until_ready()
        alone = Stack(service, stack.ca_file, {process.name: process.pid})
        cleanup.callback(hang_up)
        alone.mark()
        yield LoneEdge(alone, arrivals)
