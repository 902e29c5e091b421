"""Attacks on layer 1: around the proxy, on its word, on names.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, open_plain, open_tls, request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stack import Stack

FORGED = ("X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https")


# Around the proxy


@pytest.mark.parametrize("source", ["127.0.0.2", "127.16.0.9"])
def test_attack_going_around_nginx_with_forged_headers(stack: Stack, source: str) -> None:
    answer = ask(open_plain(stack.app_port, source), request("/healthz", *FORGED))
    assert_problem(answer, 403, "proxy-bypassed")
    (line, *_) = stack.log_lines("proxy_bypassed", request_id=answer.json()["request_id"])
    assert line["app.peer"] == source


def test_twin_the_same_request_from_the_proxy_itself(stack: Stack) -> None:
    answer = ask(open_plain(stack.app_port, "127.0.0.1"), request("/healthz", *FORGED))
    assert answer.status == 200


def test_attack_a_second_forwarded_address_smuggled_past_the_proxy(stack: Stack) -> None:
    twice = request("/healthz", *FORGED, "X-Forwarded-For: 203.0.113.9")
    answer = ask(open_plain(stack.app_port, "127.0.0.1"), twice)
    assert_problem(answer, 400, "malformed")


# The proxy's word


def test_attack_a_request_id_chosen_by_the_client(stack: Stack) -> None:
    chosen = "deadbeef" * 4
    answer = stack.client().get("/healthz", headers={"X-Request-ID": chosen})
    assert answer.status_code == 200
    assert answer.headers.get_list("x-request-id") != [chosen]


def test_twin_the_answers_request_id_is_that_of_both_logs(stack: Stack) -> None:
    answer = stack.client().get("/healthz")
    number = answer.headers["x-request-id"]
    assert stack.log_lines("request", request_id=number)
    assert stack.log_lines("edge_request", source="access", request_id=number)


@pytest.mark.parametrize("agent", ['", "status": 200, "x": "', "a\\", "\x1b[2Jx", "a\tb\x7f"])
def test_attack_a_user_agent_that_breaks_log_lines(stack: Stack, agent: str) -> None:
    ask(open_tls(stack), request("/healthz", f"X-Mark: 1\r\nUser-Agent: {agent}"))
    stack.log_lines("edge_request", source="access")
    for line in stack.log_path("access").read_text("utf-8").splitlines():
        assert json.loads(line)["event.action"] in {"edge_request", "credentials_exposed"}


@pytest.mark.parametrize(
    "bad",
    [
        request("/\xff"),
        request("/caf\xe9?\xff"),
        request("/healthz").replace(b"tests/1.0", b"a\xff"),
        request("/healthz", host="\xff"),
    ],
    ids=["path", "query", "user agent", "host"],
)
def test_attack_bytes_that_are_no_utf8_break_no_log_line(stack: Stack, bad: bytes) -> None:
    ask(open_tls(stack), bad)
    line = ask(open_tls(stack), request()).headers["x-request-id"]
    stack.log_lines("edge_request", source="access", request_id=line)  # written after the others
    log = stack.log_path("access").read_bytes()
    assert log.decode("utf-8", "replace").encode("utf-8") == log


def test_twin_an_ordinary_user_agent_is_logged_as_it_is(stack: Stack) -> None:
    stack.client().get("/healthz", headers={"User-Agent": "tests/2.0 (twin)"})
    assert stack.log_lines("edge_request", source="access", user_agent="tests/2.0 (twin)")


# Names


@pytest.fixture
def closed_folder(stack: Stack) -> Iterator[Path]:
    """A folder in which nginx may not look for files, though it would look there first."""
    folder = stack.service.run / "html"
    folder.mkdir(mode=0)
    yield folder
    folder.rmdir()


def test_attack_a_stranger_is_quoted_in_the_error_log(stack: Stack, closed_folder: Path) -> None:
    before = stack.log_path("nginx").read_bytes()
    secret = request("/nothing?token=s3cret", host="evil.example")
    assert_problem(ask(open_tls(stack), secret), 421, "wrong-host")
    assert ask(open_plain(stack.http_port), secret).status == 0
    number = stack.client().get("/healthz").headers["x-request-id"]
    stack.log_lines("edge_request", source="access", request_id=number)  # written after the others
    assert stack.log_path("nginx").read_bytes() == before, closed_folder


def test_twin_a_stranger_is_in_the_access_log(stack: Stack) -> None:
    ask(open_tls(stack), request("/nothing?token=s3cret", host="evil.example"))
    (line,) = stack.log_lines("edge_request", source="access", host="evil.example", path="/nothing")
    assert "s3cret" not in json.dumps(line)


def test_attack_an_evil_host_behind_a_good_server_name(stack: Stack) -> None:
    assert_problem(ask(open_tls(stack), request(host="evil.example")), 421, "wrong-host")


def test_attack_an_evil_host_in_an_absolute_target(stack: Stack) -> None:
    answer = ask(open_tls(stack), request("https://evil.example/healthz"))
    assert_problem(answer, 421, "wrong-host")


def test_attack_an_evil_host_sent_to_the_application_by_the_proxy(stack: Stack) -> None:
    evil = request("/healthz", *FORGED, host="evil.example")
    answer = ask(open_plain(stack.app_port, "127.0.0.1"), evil)
    assert_problem(answer, 421, "wrong-host")
    assert stack.log_lines("host_refused", request_id=answer.json()["request_id"])


def test_twin_our_own_host_with_its_port(stack: Stack) -> None:
    assert ask(open_tls(stack), request(host=f"localhost:{stack.https_port}")).status == 200


@pytest.mark.parametrize(
    "headers", [("Host: localhost",), ("Host: evil.example",), (" Host: evil.example",)]
)
def test_attack_a_second_host(stack: Stack, headers: tuple[str, ...]) -> None:
    assert_problem(ask(open_tls(stack), request("/healthz", *headers)), 400, "malformed")


def test_attack_no_host(stack: Stack) -> None:
    assert_problem(ask(open_tls(stack), request(host=None)), 400, "malformed")


def test_twin_one_host(stack: Stack) -> None:
    assert ask(open_tls(stack), request()).status == 200


def test_attack_an_upgrade_to_cleartext_http2(stack: Stack) -> None:
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    answer = ask(open_tls(stack), request("/healthz", *upgrade))
    assert answer.status == 200
    assert "upgrade" not in answer.headers


def test_twin_http2_over_tls(stack: Stack) -> None:
    answer = stack.client(http2=True).get("/healthz")
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
