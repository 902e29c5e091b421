"""Attacks on the path where a certificate authority fetches its challenges, on port 80."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.edge.running import Edge, running_edge
from tests.raw import Answer, ask, assert_problem, open_plain, request

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "/.well-known/acme-challenge/"
TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
PROOF = b"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
SECRET = b"not for strangers"


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    """Return an edge with one challenge, and things beside it that nobody may see."""
    with running_edge() as running:
        running.challenges.mkdir(parents=True)
        (running.challenges / TOKEN).write_bytes(PROOF)
        (running.challenges / "aFolder").mkdir()
        for hidden in (
            running.folder / "acme" / "secret",
            running.challenges / "a.b",
            running.challenges / ".hidden",
            running.challenges / "a+b",
            running.challenges / ("a" * 129),
            running.challenges / "aFolder" / "secret",
        ):
            hidden.write_bytes(SECRET)
        (running.challenges / "aLink").symlink_to(running.folder / "acme" / "secret")
        yield running


def fetch(edge: Edge, target: str, *headers: str, method: str = "GET") -> Answer:
    """Ask on port 80."""
    return ask(open_plain(edge.http), request(target, *headers, method=method))


def test_twin_an_authority_fetches_a_challenge(edge: Edge) -> None:
    answer = fetch(edge, PREFIX + TOKEN)
    assert (answer.status, answer.body) == (200, PROOF)
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "target",
    [
        f"{PREFIX}../../secret",
        f"{PREFIX}..%2f..%2fsecret",
        f"{PREFIX}%2e%2e/%2e%2e/secret",
        f"{PREFIX}..%252f..%252fsecret",
        f"{PREFIX}..;/..;/secret",
        f"{PREFIX}..\\..\\secret",
        f"{PREFIX}../../../tls/key.pem",
        f"{PREFIX}../../../../../../../etc/passwd",
        f"{PREFIX}/etc/passwd",
        f"{PREFIX}%00",
        f"{PREFIX}{TOKEN}%00.txt",
    ],
)
def test_attack_a_path_that_leads_out_of_the_challenges(edge: Edge, target: str) -> None:
    answer = fetch(edge, target)
    assert answer.status in {308, 400, 404}
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
    ],
)
def test_attack_a_name_that_is_no_token(edge: Edge, name: str) -> None:
    answer = fetch(edge, PREFIX + name)
    assert_problem(answer, 404, "not-found", is_plain=True)


@pytest.mark.parametrize("name", ["", "aFolder", "aFolder/", "."])
def test_attack_a_listing_of_the_folder(edge: Edge, name: str) -> None:
    answer = fetch(edge, PREFIX + name)
    assert_problem(answer, 404, "not-found", is_plain=True)


def test_attack_a_link_to_another_file(edge: Edge) -> None:
    assert_problem(fetch(edge, f"{PREFIX}aLink"), 404, "not-found", is_plain=True)


def test_twin_a_token_nobody_wrote_is_not_there(edge: Edge) -> None:
    assert_problem(fetch(edge, f"{PREFIX}{'b' * 43}"), 404, "not-found", is_plain=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_attack_writing_a_challenge(edge: Edge, method: str) -> None:
    answer = fetch(edge, PREFIX + TOKEN, "Content-Length: 0", method=method)
    assert_problem(answer, 403, "https-required", is_plain=True)
    assert (edge.challenges / TOKEN).read_bytes() == PROOF


def test_twin_the_head_of_a_challenge(edge: Edge) -> None:
    answer = fetch(edge, PREFIX + TOKEN, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("name", [TOKEN, "none", "a.b"])
@pytest.mark.parametrize(
    "header", ["Authorization: Bearer x", "Cookie: session=x", "Proxy-Authorization: Basic eDp4"]
)
def test_attack_a_secret_sent_along_in_the_clear(edge: Edge, header: str, name: str) -> None:
    answer = fetch(edge, PREFIX + name, header)
    assert_problem(answer, 403, "https-required", is_plain=True)


def test_twin_what_an_authority_sends_along(edge: Edge) -> None:
    agent = "User-Agent: Mozilla/5.0 (compatible; an authority's validation server)"
    answer = fetch(edge, PREFIX + TOKEN, agent, "Accept: */*", "Accept-Encoding: gzip")
    assert (answer.status, answer.body) == (200, PROOF)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil.example"])
def test_attack_a_challenge_for_another_host(edge: Edge, host: str) -> None:
    answer = ask(open_plain(edge.http), request(PREFIX + TOKEN, host=host))
    assert (answer.status, answer.body) == (0, b"")


def test_twin_the_hosts_port_goes_with_its_name(edge: Edge) -> None:
    answer = ask(open_plain(edge.http), request(PREFIX + TOKEN, host=f"localhost:{edge.http}"))
    assert (answer.status, answer.body) == (200, PROOF)


def test_attack_the_challenges_on_the_tls_port(edge: Edge) -> None:
    with edge.client() as client:
        assert client.get(PREFIX + TOKEN).text == "here"  # the application's, like every path
