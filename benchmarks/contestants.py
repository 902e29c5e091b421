"""Who is measured: how each is asked, what it has to answer, and where it leaves its traces."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.processes import Process

HOST = "api.example.com"

EDGE_HEADERS = {
    "Host": HOST,
    "User-Agent": "benchmarks/1.0",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Request-ID": "0123456789abcdef0123456789abcdef",
}
"""What nginx passes on. Every contestant gets the same request, so that none parses less of it."""

EXPECTED = {
    "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "title": "Water the plants",
    "done": False,
}
"""Said again here on purpose: what `answer.py` gives is to be proved, not believed."""

EMAIL = "reader@example.com"
PASSWORD = "Correct-Horse-Battery-9"  # noqa: S105 - of an account that lives for one run


@dataclass(frozen=True, slots=True)
class Contestant:
    """One endpoint of one running server, and the request that it is loaded with."""

    name: str
    process: Process
    path: str
    headers: Mapping[str, str]
    expected: Mapping[str, Any]
    """Members that the JSON answer must hold."""
    counters: str | None = None
    """Pattern of the Redis keys in which it counts requests, if it does."""
    logs: bool = False
    """Whether it writes a line for each request to its standard output."""


def ask(
    process: Process,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
) -> tuple[int, Any]:
    """Send one request and return the status and the JSON of the answer (None if it is not JSON).

    Raises:
        BenchError: there is no answer within ten seconds.
    """
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    sent = None if body is None else json.dumps(body).encode()
    extra = {} if body is None else {"Content-Type": "application/json"}
    try:
        connection.request(method, path, body=sent, headers={**headers, **extra})
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"{process.name} does not answer {method} {path}: {error!r}") from error
    finally:
        connection.close()
    try:
        return response.status, json.loads(content)
    except ValueError:
        return response.status, None


def _token(process: Process, path: str, body: Mapping[str, Any] | None, expected: int) -> str:
    status, answer = ask(process, "POST", path, EDGE_HEADERS, body)
    if status != expected or not isinstance(answer, dict) or "access_token" not in answer:
        raise BenchError(f"{process.name} gave no token: POST {path} → {status} {answer}")
    return str(answer["access_token"])


def token_of_usual(process: Process) -> str:
    """Return a token that the usual stack takes."""
    return _token(process, "/token", None, http.client.OK)


def token_of_hardened(process: Process) -> str:
    """Sign up, log in and return the access token, as any client of the service does."""
    account = {"email": EMAIL, "password": PASSWORD}
    signup = "/api/v1/accounts/signup"
    status, answer = ask(process, "POST", signup, EDGE_HEADERS, account)
    if status != http.client.CREATED:
        raise BenchError(f"{process.name} let nobody sign up: POST {signup} → {status} {answer}")
    return _token(process, "/api/v1/accounts/login", account, http.client.OK)


def with_token(token: str) -> dict[str, str]:
    """Return the headers of a request of the load."""
    return {**EDGE_HEADERS, "Authorization": f"Bearer {token}"}
