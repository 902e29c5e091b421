"""Attacks on layer 1 by requests that are not quite HTTP, or name what they should not.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, open_tls, read_until_closed, request

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge
    from tests.stack import Stack

# Methods


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "PROPFIND", "DEBUG", "MKCOL", "A" * 200])
def test_attack_a_method_that_has_no_use_here(stack: Stack, method: str) -> None:
    answer = ask(open_tls(stack), request("/healthz", "X-Secret: s3cret", method=method))
    assert_problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]
    assert b"s3cret" not in answer.body


@pytest.mark.parametrize("target", ["evil.example:443", "/healthz"])
def test_attack_a_tunnel(stack: Stack, target: str) -> None:
    answer = ask(open_tls(stack), request(target, method="CONNECT"))
    assert answer.status in {400, 405}


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_attack_a_method_in_a_header(stack: Stack, name: str) -> None:
    """A proxy's rule for POST must not be answered by what DELETE does."""
    answer = stack.client().get("/healthz", headers={name: "DELETE"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_twin_the_methods_of_the_service(stack: Stack) -> None:
    client = stack.client()
    assert client.get("/healthz").status_code == 200
    assert client.head("/healthz").status_code in {200, 405}
    assert client.delete("/healthz").json()["status"] == 405


# First lines


@pytest.mark.parametrize(
    ("line", "status", "slug"),
    [
        (b"GET /healthz HTTP/9.9", 505, "http-version"),
        (b"GET /healthz HTTP/2.0", 505, "http-version"),
        (b"GET /healthz HTTP/1", 400, "malformed"),
        (b"GET /healthz HTTP/01.1", 400, "malformed"),
        (b"GET /healthz HTTP/1.1x", 400, "malformed"),
        (b"GET /healthz HTTPS/1.1", 400, "malformed"),
        (b"GET /healthz http/1.1", 400, "malformed"),
        (b"GET\t/healthz\tHTTP/1.1", 400, "malformed"),
        (b"get /healthz HTTP/1.1", 400, "malformed"),
        (b"GET healthz HTTP/1.1", 400, "malformed"),
        (b"GET * HTTP/1.1", 400, "malformed"),
        (b"OPTIONS * HTTP/1.1", 400, "malformed"),
        (b"GET localhost:443 HTTP/1.1", 400, "malformed"),
        (b"GET https://user@localhost/healthz HTTP/1.1", 400, "malformed"),
        (b"GET https:///healthz HTTP/1.1", 400, "malformed"),
        (b"GET /heal thz HTTP/1.1", 400, "malformed"),
        (b"GET /heal\0thz HTTP/1.1", 400, "malformed"),
        (b"GET /heal\rthz HTTP/1.1", 400, "malformed"),
        (b"\x00GET /healthz HTTP/1.1", 400, "malformed"),
    ],
    ids=ascii,
)
def test_attack_a_first_line_that_is_none(
    stack: Stack, line: bytes, status: int, slug: str
) -> None:
    bad = request().replace(b"GET /healthz HTTP/1.1", line)
    assert_problem(ask(open_tls(stack), bad), status, slug)


@pytest.mark.parametrize("version", [b"", b" HTTP/1.0"], ids=["HTTP/0.9", "HTTP/1.0"])
def test_attack_a_request_of_an_age_without_hosts(stack: Stack, version: bytes) -> None:
    """Nobody can say whom it is for; in HTTP/0.9 the refusal has no status line either."""
    with open_tls(stack) as connection:
        connection.sendall(b"GET /healthz" + version + b"\r\n\r\n")
        assert b'"urn:problem:wrong-host"' in read_until_closed(connection)


def test_twin_http_1_0_with_a_host(stack: Stack) -> None:
    old = request().replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert ask(open_tls(stack), old).status == 200


# Headers


@pytest.mark.parametrize(
    "line",
    [
        "X: a\r\n b",
        "X: a\r\n\tb",
        " X: a",
        "X : a",
        "X Y: a",
        ": a",
        "X: a\rb",
        "X: a\0b",
        "X\0: a",
    ],
    ids=ascii,
)
def test_attack_a_header_that_is_none(stack: Stack, line: str) -> None:
    """Folded, spaced or broken: each is read in another way by someone (RFC 9112 §5.1, §5.2)."""
    assert_problem(ask(open_tls(stack), request("/healthz", line)), 400, "malformed")


@pytest.mark.parametrize("line", ["X: a", "X:a", "X:", "X:   a b  "])
def test_twin_a_header_as_it_may_be(stack: Stack, line: str) -> None:
    assert ask(open_tls(stack), request("/healthz", line)).status == 200


def test_attack_line_ends_of_carriage_returns(stack: Stack) -> None:
    answer = ask(open_tls(stack), request().replace(b"\r\n", b"\r"))
    assert_problem(answer, 400, "malformed")


@pytest.mark.parametrize(
    "sent",
    [request("/\u00e9"), request("/healthz", "X: \x01"), request("/healthz", "X: a\x7fb")],
    ids=["a path", "a header", "a header with DEL"],
)
def test_attack_what_nginx_passes_and_the_application_cannot_parse(
    stack: Stack, sent: bytes
) -> None:
    """No layer sees it: its answer is complete all the same, and the log knows the answer's id."""
    answer = ask(open_tls(stack), sent)
    assert_problem(answer, 400, "malformed")
    assert answer.headers["vary"] == "Origin"
    number = answer.headers["x-request-id"]
    (line,) = stack.log_lines("input_validation_fail", request_id=number)
    assert line["app.reason"] == "unparsable"
    assert line["http.response.status_code"] == 400


@pytest.mark.parametrize(
    "sent",
    [request("/%C3%A9"), request("/healthz", "X: \t")],
    ids=["a path", "a header"],
)
def test_twin_the_same_as_it_should_be_written(stack: Stack, sent: bytes) -> None:
    answer = ask(open_tls(stack), sent)
    number = answer.headers["x-request-id"]
    (line,) = stack.log_lines("request", request_id=number)
    assert line["http.response.status_code"] == answer.status


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.0"])
def test_attack_an_upgrade_to_another_protocol(edge: LoneEdge, upgrade: str) -> None:
    """What comes after a switch of protocols is no request to nginx any more."""
    mark = f"/upgrade-{upgrade[:3]}"
    wanted = (f"Upgrade: {upgrade}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMA")
    keyed = (*wanted, "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==", "Sec-WebSocket-Version: 13")
    answer = ask(open_tls(edge.stack), request(mark, *keyed))
    assert answer.status == 200
    arrival = edge.the_arrival(mark)
    assert arrival.values("upgrade") == arrival.values("connection") == []


@pytest.mark.parametrize("wanted", ["gzip, br, zstd, deflate", "*", "identity;q=0, gzip"])
@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/nowhere", "/%00"])
def test_attack_a_secret_told_by_the_length_of_an_answer(
    stack: Stack, wanted: str, path: str
) -> None:
    """BREACH, CVE-2013-3587: nothing is compressed, whoever answers and whatever is asked for."""
    answer = stack.client().get(path, headers={"Accept-Encoding": wanted})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=0-3", "bytes=-1", "bytes=0-,0-,0-,0-", "x=1"])
def test_attack_pieces_of_an_answer(stack: Stack, asked: str) -> None:
    """CVE-2011-3192: a thousand overlapping pieces cost a thousand times the answer."""
    answer = stack.client().get("/healthz", headers={"Range": asked})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "content-range" not in answer.headers


# Paths


@pytest.mark.parametrize(
    "target",
    [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/x/../../x",
        "/healthz%00",
        "/%zz",
        "/%",
        "/%a",
    ],
)
def test_attack_a_path_that_nginx_refuses(stack: Stack, target: str) -> None:
    assert_problem(ask(open_tls(stack), request(target)), 400, "malformed")


@pytest.mark.parametrize(
    "target",
    [
        *("//healthz", "/./healthz", "/x/../healthz", "/healthz/", "/healthz/.", "/healthz;x=1"),
        *("/..;/healthz", "/x/..;/healthz", "/%2fhealthz", "/healthz%2f", "/%2e/healthz"),
        *("/%252e%252e/healthz", "/x/%2e%2e/healthz", "/\\healthz"),
        *("/HEALTHZ", "/healthz.json", "/healthz%20", "/healthz%3f"),
        *("/.env", "/.git/config", "/nginx.conf", "/tls/key.pem", "/__problem", "/%5f_problem"),
    ],
)
def test_attack_a_path_that_means_another_one_somewhere(stack: Stack, target: str) -> None:
    """nginx hands the path on as it came, and the application knows only what is spelt out."""
    answer = ask(open_tls(stack), request(target))
    assert_problem(answer, 404, "not-found")
    number = answer.headers["x-request-id"]
    (line,) = stack.log_lines("edge_request", source="access", request_id=number)
    assert line["edge.upstream_status"] in {"404", ""}


@pytest.mark.parametrize("target", ["/%c0%ae%c0%ae/healthz", "/healthz%0d%0aX:%20y"])
def test_attack_a_path_that_is_no_text(stack: Stack, target: str) -> None:
    assert_problem(ask(open_tls(stack), request(target)), 400, "malformed")


@pytest.mark.parametrize("target", ["/healthz", "/healthz?", "/healthz#x"])
def test_twin_a_path_that_is_ours(stack: Stack, target: str) -> None:
    assert ask(open_tls(stack), request(target)).status == 200
