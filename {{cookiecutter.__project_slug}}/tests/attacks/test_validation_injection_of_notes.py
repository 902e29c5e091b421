"""Layer 6 under attack, on the sample domains: payloads in titles, texts and names of files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from app.layers.uploads import clean_name
from tests import images
from tests.injections import (
    BREAKING,
    HONEST,
    INJECTED,
    LINE_BREAKS,
    PAYLOADS,
    assert_one_line_each,
    everything,
)

if TYPE_CHECKING:
    import httpx

    from tests.stack import Account, Stack

NOTES, FILES = "/api/v1/notes", "/api/v1/files"
NAMES = [f"{texts[0]}.png" for texts in PAYLOADS.values()]


@pytest.fixture(scope="module", params=["stack", "on_postgresql"], ids=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest) -> Stack:
    """The live service, on either database."""
    running: Stack = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def account(service: Stack) -> Account:
    """An account with nothing in it."""
    return service.signup()


def written(client: httpx.Client, texts: list[str]) -> list[tuple[str, str]]:
    """Return the titles and texts of the notes that are there once each of these is written."""
    for text in texts:
        assert client.post(NOTES, json={"title": text, "text": text}).status_code == 201, text
    items = client.get(NOTES, params={"limit": 100}).json()["items"]
    return [(item["title"], item["text"]) for item in reversed(items)]


def test_attack_notes_that_an_interpreter_would_run(service: Stack, account: Account) -> None:
    texts, since = everything(), service.mark()
    assert written(account.client, texts) == [(text, text) for text in texts]
    assert_one_line_each(service, since, [account.client.get(NOTES)])


def test_twin_notes_that_people_write(account: Account) -> None:
    assert written(account.client, list(HONEST)) == [(text, text) for text in HONEST]


def test_attack_payloads_come_back_from_a_changed_note_and_its_comments(account: Account) -> None:
    client, whole = account.client, "\n".join(everything())
    made = client.post(NOTES, json={"title": "a note"}).json()
    place = f"{NOTES}/{made['id']}"
    assert client.patch(place, json={"text": whole}).status_code == 200
    assert client.post(f"{place}/comments", json={"text": whole}).status_code == 201
    assert client.get(place).json()["text"] == whole
    (comment,) = client.get(f"{place}/comments").json()["items"]
    assert comment["text"] == whole


def test_attack_a_note_that_breaks_lines(account: Account) -> None:
    client = account.client
    for text in BREAKING:
        for note in ({"title": text}, {"title": "a note", "text": text}):
            assert client.post(NOTES, json=note).status_code == 422, note
    for text in LINE_BREAKS:
        assert client.post(NOTES, json={"title": text}).status_code == 422, text
    assert written(client, []) == []


def test_twin_a_text_of_several_lines_is_kept(account: Account) -> None:
    lines = "\n".join([*HONEST, "\ttab", *LINE_BREAKS])
    made = account.client.post(NOTES, json={"title": "a note", "text": lines})
    assert (made.status_code, made.json()["text"]) == (201, lines)


def test_attack_an_identifier_that_an_interpreter_would_run(account: Account) -> None:
    client = account.client
    for text in [texts[0] for texts in PAYLOADS.values()] + list(PAYLOADS["nosql"]):
        assert client.get(f"{NOTES}/{quote(text, safe='')}").status_code in {400, 404, 422}, text
        assert client.post(f"{NOTES}/delete", json={"ids": [text]}).status_code == 422, text
        assert client.get(NOTES, params={"cursor": text}).status_code == 422, text
        assert client.get(NOTES, params={"limit": text}).status_code == 422, text


def kept(name: str) -> str:
    """Return what a file is called that came with this name; clients escape a quote in a form."""
    return clean_name(name.replace('"', "%22"))


def test_attack_a_name_of_a_file_that_an_interpreter_would_run(account: Account) -> None:
    """Of a name that is a path its end is kept; a quote ends no header."""
    picture = images.encode("png")
    for name in NAMES:
        answer = account.client.post(FILES, files=images.form(picture, name))
        assert answer.status_code == 201, name
        assert answer.json()["name"] == kept(name)
        shown = account.client.get(f"{FILES}/{answer.json()['id']}").headers
        assert shown["content-disposition"].count('"') == 2
        assert shown["content-disposition"].endswith(quote(kept(name), safe=""))
    names = [item["name"] for item in account.client.get(FILES).json()["items"]]
    assert names == [kept(name) for name in reversed(NAMES)]


def test_twin_a_name_of_a_file_with_an_apostrophe_is_kept(account: Account) -> None:
    answer = account.client.post(FILES, files=images.form(images.encode("png"), "O'Brien & Co.png"))
    assert (answer.status_code, answer.json()["name"]) == (201, "O'Brien & Co.png")


def test_attack_a_refused_note_leaves_nothing_of_itself_in_the_log(
    service: Stack, account: Account
) -> None:
    since = service.mark()
    answers = [
        account.client.post(NOTES, json={"title": text, "text": INJECTED, text: INJECTED})
        for text in (*PAYLOADS["log"], *PAYLOADS["header"], *BREAKING, *LINE_BREAKS)
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert_one_line_each(service, since, answers)
    with service.log_path("app").open("rb") as file:
        file.seek(since["app"])
        assert INJECTED.encode() not in file.read()
