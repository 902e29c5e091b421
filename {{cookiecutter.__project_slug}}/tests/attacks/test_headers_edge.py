"""Layer 2 under attack where the application never sees the request: nginx's own answers.

They are problems like the application's, dressed alike; and to its answers nginx adds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lone_edge import SAID, LoneEdge, lone_edge
from tests.own_answers import OWN_ANSWERS
from tests.pages import ALLOWED
from tests.raw import ask, assert_problem, open_plain, open_tls, request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stack import Stack

HSTS = "strict-transport-security"


@pytest.mark.parametrize("case", OWN_ANSWERS)
def test_attack_no_answer_of_nginx_is_naked_or_dressed_twice(stack: Stack, case: str) -> None:
    sent, status, slug = OWN_ANSWERS[case]
    answer = ask(open_tls(stack), sent)
    assert_problem(answer, status, slug)
    assert answer.headers.get_list("vary") == ["Origin"]
    assert answer.headers.get_list("server") == ["nginx"]


@pytest.mark.parametrize("target", ["/", "/%00", "/api/"])
def test_attack_hsts_is_never_said_in_the_clear(stack: Stack, target: str) -> None:
    """Whoever is on the way could say it too (RFC 6797 §7.2)."""
    for port in (stack.http_port, stack.https_port):
        answer = ask(open_plain(port), request(target))
        assert answer.status in {308, 400, 403}
        assert HSTS not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("standard", "max-age=63072000; includeSubDomains"),
        ("preload", "max-age=63072000; includeSubDomains; preload"),
    ],
)
def test_twin_hsts_is_what_was_chosen(stack: Stack, tmp_path: Path, choice: str, said: str) -> None:
    with lone_edge(stack, tmp_path, hsts=choice) as chosen:
        answer = ask(open_tls(chosen.stack), OWN_ANSWERS["TRACE"].sent)
    assert answer.headers.get_list(HSTS) == [said]


def test_twin_nothing_is_added_to_the_applications_answers(edge: LoneEdge) -> None:
    """But what the connection needs, and the way to HTTP/3 where there is one: ours, not its."""
    sent = request("/x", f"Origin: {ALLOWED}")
    answer = ask(open_tls(edge.stack), sent)
    assert answer.status == 200
    items = [item for item in answer.headers.multi_items() if item[0] != "alt-svc"]
    ours = {"server", "date", "content-length", "connection"}
    of_the_application = [item for item in items if item[0] not in ours]
    assert sorted(name for name, _ in items) == sorted(
        [*ours, *(name for name, _ in of_the_application)]
    )
    said = [(name.lower(), value) for name, value in SAID if name != "Alt-Svc"]
    assert sorted(of_the_application) == sorted(said)
    ways = answer.headers.get_list("alt-svc")
    assert len(ways) <= 1
    assert "evil" not in "".join(ways)
