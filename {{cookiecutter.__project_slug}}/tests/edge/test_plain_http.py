"""Port 80: who is sent on, who is refused, and how the log calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.edge.serving import Edge, configured_edge
from tests.raw import SECURITY_HEADERS, ask, open_plain, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.raw import Answer


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge for one page of somebody else's."""
    folder = tmp_path_factory.mktemp("plain")
    with configured_edge(folder, allowed_origins="https://app.example.test") as running:
        yield running


def ask_plain(edge: Edge, raw: bytes) -> Answer:
    return ask(open_plain(edge.stack.http_port), raw)


def events(edge: Edge, path: str) -> list[str]:
    wanted: dict[str, Any] = {"url.path": path}
    found = edge.stack.log_lines(source="access", **wanted)
    return [line["event.action"] for line in found]


def assert_plain_problem(answer: Answer, status: int, slug: str) -> None:
    """Assert that it is a problem of ours, dressed but for HSTS, which plain HTTP may not say."""
    assert answer.status == status, answer
    assert answer.json()["type"] == f"urn:problem:{slug}"
    worn = {name: answer.headers.get(name) for name in SECURITY_HEADERS}
    assert worn == {**SECURITY_HEADERS, "strict-transport-security": None}


def assert_refused(answer: Answer) -> None:
    assert_plain_problem(answer, 403, "https-required")
    assert "location" not in answer.headers
    assert "Use HTTPS" in answer.json()["detail"]


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer s3cret",
        "authorization: Basic czNjcmV0",
        "Proxy-Authorization: Basic czNjcmV0",
        "Cookie: session=s3cret",
        "Authorization: \tBearer s3cret",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_attack_credentials_in_the_clear(edge: Edge, header: str, method: str) -> None:
    path = f"/secret-{method}-{len(header)}"
    answer = ask_plain(edge, request(path, header, method=method))
    assert answer.status == 403
    assert "location" not in answer.headers
    assert events(edge, path)[-1] == "credentials_exposed"
    log = edge.stack.log_path("access").read_text("utf-8")
    assert "s3cret" not in log
    assert "czNjcmV0" not in log


def test_attack_credentials_in_the_clear_on_the_encrypted_port(edge: Edge) -> None:
    path = "/secret-on-443"
    answer = ask(open_plain(edge.stack.https_port), request(path, "Cookie: a=b"))
    assert_plain_problem(answer, 400, "malformed")
    assert events(edge, path) == ["credentials_exposed"]


def test_credentials_for_a_name_that_is_not_ours_are_nobodys_alarm(edge: Edge) -> None:
    path = "/scanner"
    answer = ask_plain(edge, request(path, "Authorization: Basic YWRtaW4=", host="evil.example"))
    assert answer.status == 0
    assert events(edge, path) == ["edge_request"]


@pytest.mark.parametrize("headers", [(), ("Cookie:",), ("Authorization: ",)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_twin_a_visitor_without_credentials_is_sent_to_https(
    edge: Edge, headers: tuple[str, ...], method: str
) -> None:
    path = f"/visit-{method}-{len(headers)}"
    answer = ask_plain(edge, request(f"{path}?a=b", *headers, method=method))
    assert answer.status == 308
    assert answer.headers["location"] == f"{edge.stack.https_url}{path}?a=b"
    assert events(edge, path)[-1] == "edge_request"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_attack_a_program_that_writes_over_plain_http(edge: Edge, method: str) -> None:
    assert_refused(ask_plain(edge, request("/", method=method)))


@pytest.mark.parametrize(
    "target",
    [
        "/api/",
        "/api/v1/accounts/me",
        "//api/v1/notes",
        "/%61pi/v1/notes",
        "/x/../api/v1/notes",
        "/./api/v1/notes",
        "http://localhost/api/v1/notes",
    ],
)
def test_attack_a_call_of_the_api_over_plain_http(edge: Edge, target: str) -> None:
    assert_refused(ask_plain(edge, request(target)))


def test_twin_a_path_that_only_begins_like_the_api(edge: Edge) -> None:
    assert ask_plain(edge, request("/apiary")).status == 308


def test_attack_an_allowed_page_is_granted_nothing_over_plain_http(edge: Edge) -> None:
    answer = ask_plain(edge, request("/api/", "Origin: https://app.example.test"))
    assert_refused(answer)
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "target", ["/.well-known/acme-challenge/../api/", "/acme/", "/tls/key.pem"]
)
def test_attack_the_folder_of_the_installation_is_not_served(edge: Edge, target: str) -> None:
    assert ask_plain(edge, request(target)).status in {308, 404}
