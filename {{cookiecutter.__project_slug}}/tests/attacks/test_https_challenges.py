"""Attacks on the path where a certificate authority fetches its challenges, on port 80.

Every attack has its twin beside it: the honest request that differs in the one point that matters.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lone_edge import LoneEdge, lone_edge
from tests.raw import Answer, ask, assert_problem, open_plain, open_tls, request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stack import Stack

PREFIX = "/.well-known/acme-challenge/"
TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
PROOF = b"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
SECRET = b"not for strangers"


def challenges_of(edge: LoneEdge) -> Path:
    """Return the folder that an ACME client writes challenges to."""
    return edge.stack.service.run / "acme" / ".well-known" / "acme-challenge"


@pytest.fixture(scope="module")
def challenged(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneEdge]:
    """nginx with one challenge, and things beside it that nobody may see."""
    # Only root can enter the folder of root's tests.
    user = "root" if os.geteuid() == 0 else ""
    with lone_edge(stack, tmp_path_factory.mktemp("acme"), user=user) as edge:
        folder = challenges_of(edge)
        folder.mkdir(parents=True)
        (folder / TOKEN).write_bytes(PROOF)
        (folder / "aFolder").mkdir()
        outside = folder.parent.parent / "secret"
        for hidden in (
            outside,
            folder / "a.b",
            folder / ".hidden",
            folder / "a+b",
            folder / ("a" * 129),
            folder / "aFolder" / "secret",
        ):
            hidden.write_bytes(SECRET)
        (folder / "aLink").symlink_to(outside)
        (folder / "aLinkToTheConfiguration").symlink_to(edge.stack.service.run / "nginx.conf")
        yield edge


def fetch(edge: LoneEdge, target: str, *headers: str, method: str = "GET") -> Answer:
    """Ask on port 80."""
    return ask(open_plain(edge.stack.http_port), request(target, *headers, method=method))


def test_twin_an_authority_fetches_a_challenge(challenged: LoneEdge) -> None:
    answer = fetch(challenged, PREFIX + TOKEN)
    assert (answer.status, answer.body) == (200, PROOF)
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        # What is no challenge once it is spelt out is sent to HTTPS like anything else.
        (f"{PREFIX}../../secret", 308),
        (f"{PREFIX}..%2f..%2fsecret", 308),
        (f"{PREFIX}%2e%2e/%2e%2e/secret", 308),
        (f"{PREFIX}../api/", 308),
        (PREFIX.removesuffix("/"), 308),
        ("/secret", 308),
        ("/acme/", 308),
        ("/tls/key.pem", 308),
        (f"{PREFIX}..%252f..%252fsecret", 404),
        (f"{PREFIX}..;/..;/secret", 404),
        (f"{PREFIX}..\\..\\secret", 404),
        (f"{PREFIX}/etc/passwd", 404),
        (f"{PREFIX}../../../tls/key.pem", 400),
        (f"{PREFIX}../../../../../../../etc/passwd", 400),
        (f"{PREFIX}%00", 400),
        (f"{PREFIX}{TOKEN}%00.txt", 400),
    ],
)
def test_attack_a_path_that_leads_out_of_the_challenges(
    challenged: LoneEdge, target: str, status: int
) -> None:
    answer = fetch(challenged, target)
    assert answer.status == status
    assert SECRET not in answer.body
    assert b"PRIVATE KEY" not in answer.body
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "name",
    [
        "a.b",
        ".hidden",
        "a+b",
        "a%2Bb",
        pytest.param("a" * 129, id="too long"),
        "aFolder/secret",
        "aFolder%2fsecret",
        "%C3%A9",
        f"{TOKEN}/",
        f"{TOKEN}%20",
    ],
)
def test_attack_a_name_that_is_no_token(challenged: LoneEdge, name: str) -> None:
    answer = fetch(challenged, PREFIX + name)
    assert_problem(answer, 404, "not-found", is_plain=True)


@pytest.mark.parametrize("name", ["", "aFolder", "aFolder/", "."])
def test_attack_a_listing_of_the_folder(challenged: LoneEdge, name: str) -> None:
    answer = fetch(challenged, PREFIX + name)
    assert_problem(answer, 404, "not-found", is_plain=True)


@pytest.mark.parametrize("name", ["aLink", "aLinkToTheConfiguration"])
def test_attack_a_link_to_another_file(challenged: LoneEdge, name: str) -> None:
    assert_problem(fetch(challenged, PREFIX + name), 404, "not-found", is_plain=True)


def test_twin_a_token_nobody_wrote_is_not_there(challenged: LoneEdge) -> None:
    answer = fetch(challenged, f"{PREFIX}{'b' * 43}")
    assert_problem(answer, 404, "not-found", is_plain=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_attack_writing_a_challenge(challenged: LoneEdge, method: str) -> None:
    answer = fetch(challenged, PREFIX + TOKEN, "Content-Length: 0", method=method)
    assert_problem(answer, 403, "https-required", is_plain=True)
    assert (challenges_of(challenged) / TOKEN).read_bytes() == PROOF


def test_twin_the_head_of_a_challenge(challenged: LoneEdge) -> None:
    answer = fetch(challenged, PREFIX + TOKEN, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("name", [TOKEN, "none", "a.b"])
@pytest.mark.parametrize(
    "header", ["Authorization: Bearer x", "Cookie: session=x", "Proxy-Authorization: Basic eDp4"]
)
def test_attack_a_secret_sent_along_in_the_clear(
    challenged: LoneEdge, header: str, name: str
) -> None:
    answer = fetch(challenged, PREFIX + name, header)
    assert_problem(answer, 403, "https-required", is_plain=True)
    number = answer.headers["x-request-id"]
    assert challenged.stack.log_lines("credentials_exposed", source="access", request_id=number)


def test_twin_what_an_authority_sends_along(challenged: LoneEdge) -> None:
    agent = "User-Agent: Mozilla/5.0 (compatible; an authority's validation server)"
    answer = fetch(challenged, PREFIX + TOKEN, agent, "Accept: */*", "Accept-Encoding: gzip")
    assert (answer.status, answer.body) == (200, PROOF)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil.example"])
def test_attack_a_challenge_for_another_host(challenged: LoneEdge, host: str) -> None:
    answer = ask(open_plain(challenged.stack.http_port), request(PREFIX + TOKEN, host=host))
    assert (answer.status, answer.body) == (0, b"")


def test_twin_the_hosts_port_goes_with_its_name(challenged: LoneEdge) -> None:
    port = challenged.stack.http_port
    answer = ask(open_plain(port), request(PREFIX + TOKEN, host=f"localhost:{port}"))
    assert (answer.status, answer.body) == (200, PROOF)


def test_attack_the_challenges_on_the_tls_port(challenged: LoneEdge) -> None:
    """They are the application's to answer there, like every path."""
    answer = ask(open_tls(challenged.stack), request(PREFIX + TOKEN))
    assert answer.body == b"{}"
    assert challenged.arrived(PREFIX + TOKEN)
