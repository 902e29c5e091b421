"""Layer 3 under attack where the application never sees the request: nginx's own answers.

They are readable for the pages that the application's are readable for, and for no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, assert_problem, open_plain, open_tls, request

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge
    from tests.stack import Stack

ALLOWED = "https://app.example.test"
FOREIGN = [
    *("https://evil.example", "null", "*", "https://app.example.test.evil.example"),
    *("https://app.example.test:8443", "http://app.example.test", "https://xapp.example.test"),
    *("https://appXexample.test", "https://app.example.test https://evil.example"),
]
OWN_ANSWERS = {
    "malformed": (request("/%zz"), 400),
    "a refused method": (request(method="TRACE"), 405),
    "too long": (request("/" + "a" * 9_000), 414),
    "too many headers": (request("/", "A: " + "a" * 9_000), 400),
    "another host": (request(host="evil.example"), 421),
    "another version": (request().replace(b"HTTP/1.1", b"HTTP/9.9"), 505),
}


def asked_by(origin: str, sent: bytes) -> bytes:
    """Return the request as a page of this origin sends it."""
    return sent.replace(b"\r\n", f"\r\nOrigin: {origin}\r\n".encode(), 1)


@pytest.mark.parametrize("sent", OWN_ANSWERS.values(), ids=OWN_ANSWERS.keys())
@pytest.mark.parametrize("origin", FOREIGN)
def test_attack_a_foreign_page_reads_an_answer_of_nginx(
    stack: Stack, origin: str, sent: tuple[bytes, int]
) -> None:
    answer = ask(open_tls(stack), asked_by(origin, sent[0]))
    assert answer.status == sent[1]
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers.get_list("vary") == ["Origin"]


def test_attack_an_allowed_page_reads_what_came_over_plain_http(stack: Stack) -> None:
    answer = ask(open_plain(stack.http_port), asked_by(ALLOWED, request("/api/v1/notes")))
    assert_problem(answer, 403, "https-required", is_plain=True)
    assert "access-control-allow-origin" not in answer.headers


def test_attack_two_origins_of_which_one_is_allowed(stack: Stack) -> None:
    both = asked_by("https://evil.example", asked_by(ALLOWED, request("/%zz")))
    assert "access-control-allow-origin" not in ask(open_tls(stack), both).headers


READABLE = {
    "too many headers": OWN_ANSWERS["too many headers"],
    "a refused method": OWN_ANSWERS["a refused method"],
    "too large": (request("/", "Content-Length: 99999999", method="POST"), 413),
}
"""Where nginx gets as far as to the Origin. What fails in its first line is readable for nobody."""


@pytest.mark.parametrize("sent", READABLE.values(), ids=READABLE.keys())
def test_twin_an_allowed_page_reads_an_answer_of_nginx(
    stack: Stack, sent: tuple[bytes, int]
) -> None:
    answer = ask(open_tls(stack), asked_by(ALLOWED, sent[0]))
    assert answer.status == sent[1]
    assert answer.headers.get_list("access-control-allow-origin") == [ALLOWED]
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert answer.headers.get_list("vary") == ["Origin"]


def test_twin_an_allowed_page_learns_that_the_application_is_down(
    edge_without_app: LoneEdge,
) -> None:
    for origin, grants in ((ALLOWED, [ALLOWED]), ("https://evil.example", [])):
        answer = edge_without_app.stack.client().get("/healthz", headers={"Origin": origin})
        assert_problem(answer, 502, "unavailable")
        assert answer.headers.get_list("access-control-allow-origin") == grants
        assert answer.headers.get_list("vary") == ["Origin"]
