"""nginx's log says what became of a request behind it, in JSON whatever nginx's variables hold."""

from __future__ import annotations

import socketserver
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from dev.runner import HOST
from tests.edge.running import Edge, edge_files, running_edge
from tests.edge.templates import change_source
from tests.stack import PATIENCE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES = ("edge.upstream_connect_seconds", "edge.upstream_seconds")


class _OnceOnly(socketserver.StreamRequestHandler):
    """Answers one request as if more were welcome, and hangs up on the next."""

    def handle(self) -> None:
        self._take()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce")
        self._take()

    def _take(self) -> None:
        while self.rfile.readline() not in {b"\r\n", b""}:
            continue


class _HangsUp(_OnceOnly):
    """Takes a request and answers nothing."""

    def handle(self) -> None:
        self._take()


@contextmanager
def served_by(handler: type[_OnceOnly]) -> Iterator[str]:
    """Give the address of an application that does this."""
    with socketserver.ThreadingTCPServer((HOST, 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"{HOST}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def line_of(edge: Edge, path: str) -> dict[str, Any]:
    """Ask for a path and return its line."""

    def found() -> list[dict[str, Any]]:
        return [line for line in edge.access_lines() if line["url.path"] == path]

    with edge.client() as client:
        client.get(path)
    (line,) = wait_until(found, f"the line of {path}")
    return dict(line)


def test_an_answer_has_both_times_as_numbers() -> None:
    with running_edge() as edge:
        line = line_of(edge, "/fine")
        assert [type(line[name]) for name in TIMES] == [float, float]
        assert line["edge.upstream"] == f"{HOST}:{edge.application.server_port}"


def test_what_nginx_answers_itself_has_neither() -> None:
    with running_edge() as edge:
        with edge.client() as client:
            client.request("TRACE", "/itself")
        (line,) = wait_until(edge.access_lines, "a line")
        assert [line[name] for name in TIMES] == [None, None]
        assert line["edge.upstream"] == ""


def test_an_application_that_is_not_there_was_not_connected_to() -> None:
    with edge_files(environment={"EDGE_UPSTREAM": "unix:/nowhere/app.sock"}) as edge:
        edge.start()
        edge.wait_until_ready()
        line = line_of(edge, "/gone")
        assert (line["http.response.status_code"], line["edge.upstream_status"]) == (502, "502")
        assert line["edge.upstream_connect_seconds"] is None


def test_an_application_that_hangs_up_was_connected_to() -> None:
    with (
        served_by(_HangsUp) as address,
        edge_files(environment={"EDGE_UPSTREAM": address}) as edge,
    ):
        edge.start()
        edge.wait_until_ready()
        line = line_of(edge, "/unanswered")
        assert (line["http.response.status_code"], line["edge.upstream"]) == (502, address)
        assert [type(line[name]) for name in TIMES] == [float, float]


def test_of_two_tries_the_last_is_told() -> None:
    """nginx tries again when the application hangs up on a connection that was kept for it."""
    with (
        served_by(_OnceOnly) as address,
        edge_files(environment={"EDGE_UPSTREAM": address}) as edge,
    ):
        edge.start()
        edge.wait_until_ready()

        def line_of_two_tries() -> dict[str, Any] | None:
            # Each worker keeps connections of its own, so the next one may not have one yet.
            path = f"/{len(edge.access_lines())}"
            line = line_of(edge, path)
            return line if "," in line["edge.upstream_status"] else None

        line = wait_until(line_of_two_tries, "a second try")
        assert line["edge.upstream_status"] == "502, 200"
        assert line["edge.upstream"] == f"{address}, {address}"
        assert [type(line[name]) for name in TIMES] == [float, float]


def test_an_application_that_takes_no_more_is_told_from_one_that_is_gone() -> None:
    with edge_files() as edge:
        change_source(edge, "conf.d/upstream.conf", "max_conns=400", "max_conns=1")
        edge.start()
        edge.wait_until_ready()
        with edge.client() as client, ThreadPoolExecutor(1) as pool:
            slow = pool.submit(client.get, "/slow")
            assert edge.application.begun.wait(PATIENCE_SECONDS)
            line = line_of(edge, "/refused")
            edge.application.may_end.set()
            assert slow.result(PATIENCE_SECONDS).status_code == 200
        assert (line["http.response.status_code"], line["edge.upstream"]) == (502, "app")
        assert line["edge.upstream_connect_seconds"] is None
