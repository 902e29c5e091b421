"""nginx from an image behaves as one that is installed, and no container outlives its caller."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from dev.nginx_image import containers, remove_containers, write_nginx
from dev.runner import HOST, free_port, is_port_free
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = """
pid nginx.pid;
error_log stderr crit;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "{answer}"; }}
    }}
}}
"""


class Nginx:
    """One nginx from an image, with a configuration of its own."""

    def __init__(self, folder: Path, image: str) -> None:
        self.folder = folder
        self.run = folder.name
        self.port = free_port()
        program = str(write_nginx(folder, image, self.run))
        self.command = [program, "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf"]
        self.answers("first")

    def answers(self, answer: str) -> None:
        """Write a configuration that answers this."""
        text = CONFIGURATION.format(port=self.port, answer=answer)
        (self.folder / "nginx.conf").write_text(text, "utf-8")

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call it to its end."""
        return subprocess.run(  # noqa: S603 - a command of our own
            [*self.command, *arguments], capture_output=True, text=True, timeout=30, check=False
        )

    def says(self) -> str:
        """Return its answer."""
        return httpx.get(f"http://{HOST}:{self.port}/", trust_env=False).text

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """Run it in the foreground; the block ends with nothing left of it."""
        with subprocess.Popen(  # noqa: S603 - a command of our own
            [*self.command, "-g", "daemon off;"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                wait_until(lambda: not is_port_free(self.port), "its start")
                yield process
            finally:
                process.kill()
        try:
            wait_until(lambda: is_port_free(self.port), "the port")
            wait_until(lambda: not containers(self.run), "the end of the container")
        finally:
            remove_containers(self.run)


@pytest.fixture
def nginx(tmp_path: Path, image: str) -> Nginx:
    """Return one that is not running."""
    return Nginx(tmp_path, image)


def test_it_tells_its_version_as_an_installed_one_does(nginx: Nginx) -> None:
    assert nginx.call("-V").stderr.startswith("nginx version: nginx/")


def test_it_judges_a_configuration_by_its_exit_code(nginx: Nginx) -> None:
    assert nginx.call("-t", "-q").returncode == 0
    (nginx.folder / "nginx.conf").write_text("nonsense;", "utf-8")
    done = nginx.call("-t", "-q")
    assert done.returncode == 1
    assert f"{nginx.folder}/nginx.conf:1" in done.stderr


def test_it_reloads_when_it_is_told_to_by_command_or_by_signal(nginx: Nginx) -> None:
    with nginx.running() as process:
        assert nginx.says() == "first"
        nginx.answers("second")
        assert nginx.call("-s", "reload").returncode == 0
        wait_until(lambda: nginx.says() == "second", "the second answer")
        nginx.answers("third")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: nginx.says() == "third", "the third answer")
        nginx.answers("fourth")
        os.kill(int((nginx.folder / "nginx.pid").read_text("ascii")), signal.SIGHUP)
        wait_until(lambda: nginx.says() == "fourth", "the fourth answer")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 0),
        (signal.SIGINT, 0),
        (signal.SIGQUIT, 0),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_no_container_outlives_its_caller(nginx: Nginx, number: signal.Signals, code: int) -> None:
    with nginx.running() as process:
        assert len(containers(nginx.run)) == 1
        process.send_signal(number)
        assert process.wait(timeout=20) == code
        wait_until(lambda: not containers(nginx.run), "the end of the container")


def test_clients_are_seen_with_their_own_addresses(nginx: Nginx) -> None:
    nginx.answers("$remote_addr")
    with nginx.running():
        address = (HOST, nginx.port)
        with socket.create_connection(address, source_address=("127.16.3.7", 0)) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert connection.recv(4096).endswith(b"127.16.3.7")
