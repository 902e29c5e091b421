"""Attacks on layer 1 where the application listens on a Unix socket.

A peer on a socket has no address, so what keeps strangers out is the file's mode, and what it says
is believed because only nginx may open it.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, request
from tests.stack import PATIENCE_SECONDS, Stack, fresh_source, running_stack, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

HONEST = ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https")
NOBODY = 65_534
CONNECT_AS_NOBODY = """
import os, socket, sys
nobody = int(sys.argv[1])
os.setgroups([])
os.setresgid(nobody, nobody, nobody)
os.setresuid(nobody, nobody, nobody)
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[2])
except PermissionError:
    print("refused")
"""


@pytest.fixture(scope="module")
def on_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, with a socket between nginx and the application."""
    folder = tmp_path_factory.mktemp("s")  # a socket's path has at most 107 characters
    settings = {"SERVER__BIND": f"unix:{folder / 'app'}", "HTTPS__TRUSTED_PROXIES": "unix"}
    with running_stack(folder, **settings) as stack:
        wait_until(lambda: stack.client().get("/healthz").status_code == 200, "a first answer")
        yield stack


def path_of(stack: Stack) -> Path:
    """Return the path of the application's socket."""
    return Path(stack.service.settings["SERVER__BIND"].removeprefix("unix:"))


def around(stack: Stack) -> socket.socket:
    """Return a connection to the application that goes around nginx."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(str(path_of(stack)))
    return connection


def test_twin_a_client_is_seen_as_who_it_is_through_the_socket(on_socket: Stack) -> None:
    source = fresh_source()
    answer = on_socket.client(source).get("/healthz")
    assert answer.status_code == 200
    (line,) = on_socket.log_lines("request", request_id=answer.headers["x-request-id"])
    assert line["source.ip"] == source


def test_attack_a_forged_address_does_not_pass_the_socket(on_socket: Stack) -> None:
    source = fresh_source()
    answer = on_socket.client(source).get("/healthz", headers={"X-Forwarded-For": "203.0.113.9"})
    (line,) = on_socket.log_lines("request", request_id=answer.headers["x-request-id"])
    assert line["source.ip"] == source


def test_attack_the_socket_is_opened_by_another_user(on_socket: Stack) -> None:
    mode = stat.S_IMODE(path_of(on_socket).stat().st_mode)
    assert mode & 0o007 == 0, oct(mode)
    if os.geteuid() == 0:  # only root can be someone else for a moment
        assert is_refused_as_nobody(path_of(on_socket))


def is_refused_as_nobody(path: Path) -> bool:
    """Whether a process of another user and group can't open a socket that its folder shows."""
    path.parent.chmod(0o755)  # so that the file itself has to refuse
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-c", CONNECT_AS_NOBODY, str(NOBODY), path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.stdout == "refused\n"


@pytest.mark.parametrize(
    ("headers", "host", "status", "slug"),
    [
        ((), "localhost", 400, "malformed"),
        (HONEST[:1], "localhost", 400, "malformed"),
        ((*HONEST, "X-Forwarded-For: 198.51.100.7"), "localhost", 400, "malformed"),
        (("X-Forwarded-For: unix:", HONEST[1]), "localhost", 400, "malformed"),
        ((HONEST[0], "X-Forwarded-Proto: http"), "localhost", 403, "proxy-bypassed"),
        (HONEST, "evil.example", 421, "wrong-host"),
    ],
    ids=["nothing", "no scheme", "two addresses", "no address", "plain HTTP", "another host"],
)
def test_attack_what_nginx_would_never_say_on_the_socket(
    on_socket: Stack, headers: tuple[str, ...], host: str, status: int, slug: str
) -> None:
    answer = ask(around(on_socket), request("/healthz", *headers, host=host))
    assert_problem(answer, status, slug)


def test_twin_what_nginx_says_on_the_socket(on_socket: Stack) -> None:
    assert ask(around(on_socket), request("/healthz", *HONEST)).status == 200


def test_attack_the_port_that_it_would_listen_on_otherwise(on_socket: Stack) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", on_socket.app_port), PATIENCE_SECONDS)


def test_attack_a_socket_that_nobody_said_to_trust(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("u")
    settings = {"SERVER__BIND": f"unix:{folder / 'app'}"}
    with running_stack(folder, **settings) as stack:
        wait_until(lambda: stack.client().get("/healthz").status_code != 502, "any answer")
        assert_problem(ask(around(stack), request("/healthz", *HONEST)), 403, "proxy-bypassed")
