"""Layer 3 under attack where the application never sees the request: nginx's own answers.

They are readable for the pages that the application's are readable for, and for no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.layers.cors import EXPOSED
from tests.lone_edge import lone_edge
from tests.own_answers import OF_THE_FIRST_LINE, OWN_ANSWERS
from tests.pages import ALLOWED, EVIL, grants
from tests.raw import ask, assert_problem, open_plain, open_tls, parse, read_until_closed, request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lone_edge import LoneEdge
    from tests.stack import Stack

FOREIGN = [
    *(EVIL, "null", "*", "https://app.example.test.evil.example"),
    *("https://app.example.test:8443", "http://app.example.test", "https://xapp.example.test"),
    *("https://appXexample.test", "https://app.example.test https://evil.example"),
    "https://app.example.test, https://evil.example",
    "https://evil.example/https://app.example.test",
]


def asked_by(origin: str, sent: bytes) -> bytes:
    """Return the request as a page of this origin sends it."""
    return sent.replace(b"\r\n", f"\r\nOrigin: {origin}\r\n".encode(), 1)


@pytest.mark.parametrize("case", OWN_ANSWERS)
@pytest.mark.parametrize("origin", FOREIGN)
def test_attack_a_foreign_page_reads_an_answer_of_nginx(
    stack: Stack, origin: str, case: str
) -> None:
    answer = ask(open_tls(stack), asked_by(origin, OWN_ANSWERS[case].sent))
    assert answer.status == OWN_ANSWERS[case].status
    assert not grants(answer)
    assert answer.headers.get_list("vary") == ["Origin"]


def test_attack_an_allowed_page_reads_what_came_over_plain_http(stack: Stack) -> None:
    answer = ask(open_plain(stack.http_port), asked_by(ALLOWED, request("/api/v1/notes")))
    assert_problem(answer, 403, "https-required", is_plain=True)
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers.get_list("vary") == ["Origin"]


def test_attack_two_origins_of_which_one_is_allowed(stack: Stack) -> None:
    both = asked_by(EVIL, asked_by(ALLOWED, request("/%zz")))
    assert "access-control-allow-origin" not in ask(open_tls(stack), both).headers


@pytest.mark.parametrize("case", sorted(set(OWN_ANSWERS) - OF_THE_FIRST_LINE))
def test_twin_an_allowed_page_reads_an_answer_of_nginx(stack: Stack, case: str) -> None:
    answer = ask(open_tls(stack), asked_by(ALLOWED, OWN_ANSWERS[case].sent))
    assert answer.status == OWN_ANSWERS[case].status
    assert answer.headers.get_list("access-control-allow-origin") == [ALLOWED]
    assert answer.headers.get_list("access-control-expose-headers") == [EXPOSED]
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers.get_list("vary") == ["Origin"]


def test_twin_each_of_two_allowed_pages_is_told_its_own_name(stack: Stack, tmp_path: Path) -> None:
    pages = (ALLOWED, f"{ALLOWED}:8443")
    with lone_edge(stack, tmp_path, allowed_origins=" ".join(pages)) as edge:
        for page in pages:
            answer = ask(open_tls(edge.stack), asked_by(page, OWN_ANSWERS["PROPFIND"].sent))
            assert answer.headers.get_list("access-control-allow-origin") == [page]


def test_twin_an_allowed_page_learns_that_it_was_too_fast(edge: LoneEdge) -> None:
    one = asked_by(ALLOWED, b"GET /fast HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with open_tls(edge.stack) as connection:
        connection.sendall(one * 400 + asked_by(ALLOWED, request("/fast")))
        _, mark, refusal = read_until_closed(connection).partition(b"HTTP/1.1 429 ")
    answer = parse(mark + refusal)
    assert answer.status == 429
    assert answer.headers.get_list("access-control-allow-origin") == [ALLOWED]
    assert answer.headers.get_list("retry-after") == ["1"]


def test_twin_an_allowed_page_learns_that_the_application_is_down(
    edge_without_app: LoneEdge,
) -> None:
    for origin, granted in ((ALLOWED, [ALLOWED]), (EVIL, [])):
        answer = edge_without_app.stack.client().get("/healthz", headers={"Origin": origin})
        assert_problem(answer, 502, "unavailable")
        assert answer.headers.get_list("access-control-allow-origin") == granted
        assert answer.headers.get_list("retry-after") == ["5"]
        assert answer.headers.get_list("vary") == ["Origin"]
