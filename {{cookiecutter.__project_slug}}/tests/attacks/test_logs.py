"""Layer 10 under attack: nobody passes unseen, forges a line or finds a secret in one."""

from __future__ import annotations

import json
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.stack import USER_AGENT, fresh_source, wait_until

if TYPE_CHECKING:
    from tests.stack import Stack

ME = "/api/v1/accounts/me"
LOGIN = "/api/v1/accounts/login"
PIPE_BUF = 4096
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lb25lIn0.c2lnbmF0dXJl"


def request_line(stack: Stack, request_id: str) -> dict[str, Any]:
    """Return the access line of a request."""
    (line,) = stack.log_lines(event="request", request_id=request_id)
    return line


def whole_log(stack: Stack) -> str:
    """Return all that the application has written."""
    return stack.log_path("app").read_text("utf-8")


def forwarded(stack: Stack, head: str, *headers: str, body: str = "") -> socket.socket:
    """Return a connection to gunicorn on which the proxy has just sent this."""
    connection = socket.create_connection(("127.0.0.1", stack.app_port), timeout=10)
    client = f"X-Forwarded-For: {fresh_source()}"
    lines = [f"{head} HTTP/1.1", "Host: localhost", client, "X-Forwarded-Proto: https", *headers]
    connection.sendall("\r\n".join([*lines, "", body]).encode())
    return connection


def test_attack_secrets_of_a_client_stay_out_of_the_log(stack: Stack) -> None:
    account = stack.signup()
    hidden = secrets.token_urlsafe(24)
    client = account.client
    # Wherever a client may put one by mistake: address, query, headers, bodies good and bad.
    answers = [
        client.get(f"/verify/{JWT}"),
        client.get(ME, params={"access_token": hidden}),
        client.get(f"/reset/{quote('bob+' + hidden[:8] + '@example.com')}"),
        client.get(ME, headers={"User-Agent": f"tests/1.0 password={hidden}"}),
        client.get(ME, headers={"X-Api-Key": hidden, "Cookie": f"session={hidden}"}),
        client.post(LOGIN, json={"email": account.email, "password": hidden}),
        client.post(LOGIN, json={"email": hidden, "password": [hidden]}),
        client.post(LOGIN, content=f'{{"password": "{hidden}'),
        client.patch(ME, json={"title": hidden, hidden: hidden}),
    ]
    for answer in answers:
        assert request_line(stack, answer.headers["x-request-id"])
    log = whole_log(stack)
    for secret in (
        *(hidden, hidden[:8] + "@", JWT.rpartition(".")[2], account.password, account.email),
        *(account.access_token, account.refresh_token, account.user_id),
    ):
        assert secret not in log


def test_twin_a_request_is_logged_with_all_that_an_investigation_needs(stack: Stack) -> None:
    account = stack.signup()
    answer = account.client.get(ME)
    line = request_line(stack, answer.headers["x-request-id"])
    assert line["url.path"] == line["http.route"] == ME
    assert line["http.request.method"] == "GET"
    assert line["http.response.status_code"] == 200
    assert line["http.response.body.bytes"] == len(answer.content)
    assert line["event.outcome"] == "success"
    assert line["event.duration"] > 0
    assert line["source.ip"].startswith("127.")
    assert line["user_agent.original"] == USER_AGENT
    assert line["@timestamp"].endswith("Z")
    again = request_line(stack, account.client.get(ME).headers["x-request-id"])
    assert line["user.hash"] == again["user.hash"]


@pytest.mark.parametrize(
    "mark",
    ["\n", "\r\n", "\u2028", "\u202e", "\x85", "\x1b[2J", "\x00"],
    ids=["LF", "CRLF", "line separator", "right-to-left override", "NEL", "escape", "NUL"],
)
def test_attack_a_line_can_not_be_forged_through_the_path(stack: Stack, mark: str) -> None:
    forged = f'{mark}{{"event.action":"sys_shutdown","message":"forged"}}{mark}'
    with forwarded(stack, f"GET /{quote(forged)}", f"User-Agent: {USER_AGENT}") as connection:
        assert connection.recv(12) in {b"HTTP/1.1 404", b"HTTP/1.1 400"}
    assert stack.log_lines(event="request")
    log = whole_log(stack)
    assert '"event.action":"sys_shutdown"' not in log
    assert not {"\u2028", "\u202e", "\x85", "\x1b", "\x00", "\r"} & set(log)
    for line in log.splitlines():
        json.loads(line)


def test_attack_a_line_can_not_be_forged_through_the_user_agent(stack: Stack) -> None:
    agent = 'tests/1.0","event.action":"sys_shutdown","a":"\u2028\u202e\\'
    answer = stack.client(headers={"User-Agent": agent.encode()}).get("/healthz")
    line = request_line(stack, answer.headers["x-request-id"])
    assert line["event.action"] == "request"
    assert line["user_agent.original"] == 'tests/1.0","event.action":"sys_shutdown","a":"\\'


def test_twin_a_path_in_another_script_is_logged_as_it_is(stack: Stack) -> None:
    answer = stack.client().get("/été/日本語/Ωμέγα")
    line = request_line(stack, answer.headers["x-request-id"])
    assert line["url.path"] == "/été/日本語/Ωμέγα"
    assert line["http.response.status_code"] == 404


def test_attack_a_client_that_leaves_before_the_answer_leaves_a_line(stack: Stack) -> None:
    # Not through nginx: it reads a whole request before it passes it on.
    marker = f"leaver/{secrets.token_hex(8)}"
    headers = (f"User-Agent: {marker}", "Content-Type: application/json", "Content-Length: 900")
    connection = forwarded(stack, "POST /api/v1/accounts/signup", *headers, body='{"email": ')
    connection.close()
    (line,) = stack.log_lines(event="request", user_agent=marker)
    assert line["event.outcome"] == "unknown"


def test_twin_a_client_that_waits_for_the_answer_did_not_leave(stack: Stack) -> None:
    marker = f"twin/{secrets.token_hex(8)}"
    answer = stack.client(headers={"User-Agent": marker}).get("/healthz")
    assert answer.status_code == 200
    (line,) = stack.log_lines(event="request", user_agent=marker)
    assert line["event.outcome"] == "success"


def test_attack_a_guessed_password_is_an_event_with_its_source(stack: Stack) -> None:
    account = stack.signup()
    guess = secrets.token_urlsafe(12)
    client = stack.client()
    refused = client.post(LOGIN, json={"email": account.email, "password": guess})
    assert refused.status_code == 401
    request_id = refused.headers["x-request-id"]
    (event,) = stack.log_lines(event="authn_login_fail", request_id=request_id)
    assert event["log.level"] == "warning"
    assert event["source.ip"] == request_line(stack, request_id)["source.ip"]
    assert guess not in whole_log(stack)


def test_twin_a_login_is_an_event_of_the_same_account(stack: Stack) -> None:
    account = stack.signup()
    given = {"email": account.email, "password": account.password}
    request_id = account.client.post(LOGIN, json=given).headers["x-request-id"]
    (event,) = stack.log_lines(event="authn_login_success", request_id=request_id)
    known = account.client.get("/api/v1/accounts/me")
    line = request_line(stack, known.headers["x-request-id"])
    assert event["user.hash"] == line["user.hash"]


def test_attack_a_client_can_not_choose_the_id_of_its_request(stack: Stack) -> None:
    chosen = "f" * 32
    answer = stack.client().get("/healthz", headers={"X-Request-ID": chosen})
    request_id = answer.headers["x-request-id"]
    assert request_id != chosen
    assert len(bytes.fromhex(request_id)) == 16
    assert request_line(stack, request_id)


def test_twin_the_id_of_an_answer_finds_its_line_at_nginx_and_in_the_service(stack: Stack) -> None:
    answer = stack.client().get("/nowhere")
    request_id = answer.headers["x-request-id"]
    assert answer.json()["request_id"] == request_id
    assert request_line(stack, request_id)["http.response.status_code"] == 404
    nginx = stack.log_path("access")
    assert wait_until(lambda: request_id in nginx.read_text("utf-8"), "the line of nginx")


def test_attack_long_lines_at_once_do_not_run_into_each_other(stack: Stack) -> None:
    clients = [
        stack.client(headers={"User-Agent": "a" * 3000 + str(number)}) for number in range(8)
    ]

    def visit(number: int) -> str:
        answer = clients[number % 8].get(f"/{'é' * 300}/{number}")
        request_id: str = answer.headers["x-request-id"]
        return request_id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(visit, range(64)))
    for request_id in ids:
        assert request_line(stack, request_id)
    for line in stack.log_path("app").read_bytes().splitlines(keepends=True):
        assert len(line) <= PIPE_BUF
        json.loads(line)


def test_attack_a_request_past_the_proxy_is_seen(stack: Stack) -> None:
    source = stack.client(base_url=stack.app_url)
    answer = source.get("/healthz", headers={"X-Forwarded-For": "203.0.113.1"})
    assert answer.status_code == 403
    line = request_line(stack, answer.headers["x-request-id"])
    assert line["app.refused_by"] == "https"
    assert line["source.ip"].startswith("127.")
