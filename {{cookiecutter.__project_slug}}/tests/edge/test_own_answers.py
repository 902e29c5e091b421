"""What nginx answers itself: a problem like the application's, dressed alike, nothing twice."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from app.layers.cors import EXPOSED
from app.layers.headers import HeadersSettings, policy
from tests.edge.serving import Edge, configured_edge
from tests.raw import open_plain, open_tls, read_until_closed, request

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "https://app.example.test"
OWN_WORDS = {
    "400 a NUL": (400, "malformed", request("/%00")),
    "400 two hosts": (400, "malformed", request("/", "Host: localhost")),
    "400 large header": (400, "malformed", request("/", "A: " + "a" * 9_000)),
    "404": (404, "not-found", request("/__problem")),
    "405": (405, "method-not-allowed", request("/", method="TRACE")),
    "405 early": (405, "method-not-allowed", request("/", method="PROPFIND")),
    "413": (413, "too-large", request("/", "Content-Length: 7000000", method="POST")),
    "414": (414, "uri-too-long", request("/" + "a" * 9_000)),
    "421": (421, "wrong-host", request("/", host="evil.example")),
    "501": (501, "not-implemented", request("/", "Transfer-Encoding: x", method="POST")),
    "505": (505, "http-version", request("/").replace(b"HTTP/1.1", b"HTTP/2.1")),
}

FIRST_LINE = {"400 a NUL", "400 two hosts", "414", "505"}
"""Refused before the Origin is read, so nobody can be granted anything."""


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge with two pages that may use it, one of them on a port of its own."""
    origins = f"{PAGE} https://app.example.test:8443"
    with configured_edge(tmp_path_factory.mktemp("own"), allowed_origins=origins) as running:
        yield running


def answered(connection: socket.socket, raw: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Send bytes; return status, every header line, and body of the answer."""
    with connection:
        connection.sendall(raw)
        head, _, body = read_until_closed(connection).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return int(first.split()[1]), [(name.lower(), value) for name, _, value in pairs], body


def values(headers: list[tuple[str, str]], name: str) -> list[str]:
    return [value for known, value in headers if known == name]


def with_origin(raw: bytes, origin: str) -> bytes:
    return raw.replace(b"\r\nUser-Agent", f"\r\nOrigin: {origin}\r\nUser-Agent".encode(), 1)


@pytest.mark.parametrize("case", OWN_WORDS)
def test_attack_an_error_of_nginxs_own_is_dressed_once(edge: Edge, case: str) -> None:
    status, slug, raw = OWN_WORDS[case]
    seen, headers, body = answered(open_tls(edge.stack), raw)
    assert seen == status
    assert f'"type":"urn:problem:{slug}"'.encode() in body
    assert values(headers, "content-type") == ["application/problem+json"]
    for name, value in policy(HeadersSettings()).items():
        assert values(headers, name.decode()) == [value.decode()], name
    assert values(headers, "vary") == ["Origin"]
    assert len(values(headers, "x-request-id")) == 1
    assert values(headers, "server") == ["nginx"]


@pytest.mark.parametrize("case", OWN_WORDS)
def test_attack_a_foreign_page_reads_an_error_of_nginxs_own(edge: Edge, case: str) -> None:
    raw = with_origin(OWN_WORDS[case][2], "https://evil.example")
    _, headers, _ = answered(open_tls(edge.stack), raw)
    assert not [name for name, _ in headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://app.example.test.evil.example",
        "https://evil.example/https://app.example.test",
        "https://xapp.example.test",
        "http://app.example.test",
        "https://app.example.test:8444",
        "https://app.example.test, https://evil.example",
    ],
)
def test_attack_an_origin_that_looks_like_an_allowed_one(edge: Edge, origin: str) -> None:
    _, headers, _ = answered(open_tls(edge.stack), with_origin(OWN_WORDS["405"][2], origin))
    assert values(headers, "access-control-allow-origin") == []
    assert values(headers, "access-control-expose-headers") == []
    assert values(headers, "vary") == ["Origin"]


@pytest.mark.parametrize("case", sorted(set(OWN_WORDS) - FIRST_LINE))
def test_twin_an_allowed_page_may_read_it(edge: Edge, case: str) -> None:
    _, headers, _ = answered(open_tls(edge.stack), with_origin(OWN_WORDS[case][2], PAGE))
    assert values(headers, "access-control-allow-origin") == [PAGE]
    assert values(headers, "access-control-expose-headers") == [EXPOSED]
    assert values(headers, "access-control-allow-credentials") == []


def test_twin_a_page_on_another_port_is_told_its_own_name(edge: Edge) -> None:
    origin = f"{PAGE}:8443"
    _, headers, _ = answered(open_tls(edge.stack), with_origin(OWN_WORDS["405"][2], origin))
    assert values(headers, "access-control-allow-origin") == [origin]


def test_twin_an_allowed_page_may_read_that_it_was_too_fast(edge: Edge) -> None:
    one = f"GET /x HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\n\r\n".encode()
    with open_tls(edge.stack) as connection:
        connection.sendall(one * 400 + with_origin(request("/x"), PAGE))
        received = read_until_closed(connection)
    refusal = received.partition(b"HTTP/1.1 429 ")[2].partition(b"\r\n\r\n")[0]
    lines = refusal.decode().split("\r\n")
    assert f"Access-Control-Allow-Origin: {PAGE}" in lines
    assert "Retry-After: 1" in lines


def test_twin_an_allowed_page_may_read_that_the_application_is_away(tmp_path: Path) -> None:
    with configured_edge(tmp_path, allowed_origins=PAGE, has_application=False) as edge:
        status, headers, body = answered(open_tls(edge.stack), with_origin(request("/x"), PAGE))
    assert status == 502
    assert b"urn:problem:unavailable" in body
    assert values(headers, "access-control-allow-origin") == [PAGE]
    assert values(headers, "retry-after") == ["5"]
    assert values(headers, "vary") == ["Origin"]


def test_attack_hsts_is_never_said_in_the_clear(edge: Edge) -> None:
    for port in (edge.stack.http_port, edge.stack.https_port):
        for raw in (request("/"), request("/%00"), request("/api/")):
            _, headers, _ = answered(open_plain(port), raw)
            assert values(headers, "strict-transport-security") == []
            assert values(headers, "x-content-type-options") == ["nosniff"]


def test_nothing_is_added_to_the_applications_answers(edge: Edge) -> None:
    """But what the connection needs, and the way to HTTP/3 where there is one: ours, not its."""
    raw = with_origin(request("/x"), PAGE)
    status, headers, _ = answered(open_tls(edge.stack), raw)
    assert status == 200
    names = [name for name, _ in headers if name != "alt-svc"]
    assert sorted(names) == sorted(
        ["server", "date", "content-type", "content-length", "connection", "vary", "cache-control"]
    )
    assert values(headers, "cache-control") == ["public, max-age=5"]
    assert "evil" not in "".join(values(headers, "alt-svc"))
    assert len(values(headers, "alt-svc")) <= 1


def test_the_application_may_listen_on_a_socket(tmp_path: Path) -> None:
    with configured_edge(tmp_path, upstream=f"unix:{tmp_path}/app.sock") as edge:
        answer = edge.ask("X-Forwarded-For: 198.51.100.1", source="127.0.0.9")
    assert answer.status == 200
    told = dict(answer.json())
    assert told["X-Forwarded-For"] == "127.0.0.9"
    assert told["X-Forwarded-Proto"] == "https"


@pytest.mark.parametrize(
    ("hsts", "expected"),
    [
        ("standard", "max-age=63072000; includeSubDomains"),
        ("preload", "max-age=63072000; includeSubDomains; preload"),
    ],
)
def test_hsts_is_what_was_chosen(tmp_path: Path, hsts: str, expected: str) -> None:
    with configured_edge(tmp_path, hsts=hsts) as edge:
        _, headers, _ = answered(open_tls(edge.stack), OWN_WORDS["405"][2])
    assert values(headers, "strict-transport-security") == [expected]


@pytest.mark.parametrize(("tls", "is_taken"), [("modern", False), ("intermediate", True)])
def test_tls_1_2_is_taken_only_where_it_was_chosen(
    tmp_path: Path, tls: str, *, is_taken: bool
) -> None:
    with configured_edge(tmp_path, tls=tls) as edge:
        context = edge.stack.tls_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if not is_taken:
            with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
                open_tls(edge.stack, context=context)
            return
        with open_tls(edge.stack, context=context) as connection:
            assert connection.version() == "TLSv1.2"
