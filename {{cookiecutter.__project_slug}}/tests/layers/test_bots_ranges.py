"""How the published networks of search engines are renewed."""

from __future__ import annotations

import json
import shutil
import ssl
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import httpx
import pytest

from app.layers.bots.local.refresh_ranges import (
    MAX_BYTES,
    ImplausibleRangesError,
    fetch_list,
    main,
    refresh,
)
from app.layers.bots.local.search_engines import RANGES, published_networks
from dev.certificates import ensure_certificates
from dev.runner import HOST
from tests.browser.sites import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _published(*networks: str) -> bytes:
    prefixes = [{"ipv6Prefix" if ":" in one else "ipv4Prefix": one} for one in networks]
    return json.dumps({"creationTime": "2026-11-01T00:00:00", "prefixes": prefixes}).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of the file."""
    copy = tmp_path / RANGES.name
    shutil.copy(RANGES, copy)
    return copy


def _unchanged(path: Path) -> dict[str, bytes]:
    ranges = json.loads(path.read_text("utf-8"))
    return {entry["source"]: _published(*entry["networks"]) for entry in ranges.values()}


def test_what_came_and_went_is_said_and_written(path: Path) -> None:
    answers = _unchanged(path)
    google = json.loads(path.read_text("utf-8"))["googlebot"]
    networks = [*google["networks"][1:], "66.102.0.0/21", "2001:4860:4801::/64"]
    answers[google["source"]] = _published(*networks)
    changes = refresh(path, answers.__getitem__)
    assert sorted(changes) == [
        "googlebot: + 2001:4860:4801::/64",
        "googlebot: + 66.102.0.0/21",
        f"googlebot: - {google['networks'][0]}",
    ]
    assert len(published_networks(path)["googlebot"]) == len(networks)
    assert refresh(path, answers.__getitem__) == []
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"creationTime": "now", "prefixes": [1]}',
        b'{"creationTime": "now", "prefixes": [{}]}',
        _published(),
        _published("66.249.64.0/20"),
        _published("0.0.0.0/0"),
        _published("8.0.0.0/8"),
        _published("::/0"),
        _published("10.0.0.0/24"),
        _published("127.0.0.1/32"),
        _published("66.249.64.1/20"),
        _published("googlebot.com"),
    ],
    ids=str,
)
def test_attack_a_list_that_is_not_plausible_changes_nothing(path: Path, content: bytes) -> None:
    before = path.read_bytes()
    answers = _unchanged(path)
    answers[next(reversed(answers))] = content
    with pytest.raises(ImplausibleRangesError):
        refresh(path, answers.__getitem__)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "network",
    ["0.0.0.0/0", "8.0.0.0/8", "::/0", "2000::/3", "10.0.0.0/24", "127.0.0.1/32", "fe80::/64"],
)
def test_attack_among_plausible_networks_one_that_is_not_spoils_the_list(
    path: Path, network: str
) -> None:
    before = path.read_bytes()
    answers = _unchanged(path)
    google = json.loads(before)["googlebot"]
    answers[google["source"]] = _published(*google["networks"], network)
    with pytest.raises(ImplausibleRangesError, match="nobody's crawler"):
        refresh(path, answers.__getitem__)
    assert path.read_bytes() == before


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/list.json", "file:///etc/passwd"])
def test_attack_a_source_that_is_not_encrypted_is_not_asked(path: Path, source: str) -> None:
    ranges = json.loads(path.read_text("utf-8"))
    ranges["googlebot"]["source"] = source
    path.write_text(json.dumps(ranges), "utf-8")
    with pytest.raises(ImplausibleRangesError, match="not https"):
        refresh(path)


def test_a_source_that_cannot_be_had_is_said_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable() -> list[str]:
        raise httpx.ConnectError("no way")

    monkeypatch.setattr("app.layers.bots.local.refresh_ranges.refresh", unreachable)
    assert main() == 1
    assert "nothing was changed" in capsys.readouterr().err


# Over real sockets


class Publisher(BaseHTTPRequestHandler):
    """A source of lists: each path has its answer."""

    answers: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        """Answer; who does not believe our certificate hangs up."""
        with suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
        """Say nothing."""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"http://{self.headers['Host']}/list")
            self.end_headers()
            return
        self.send_response(200 if self.path in self.answers else 404)
        self.end_headers()
        self.wfile.write(self.answers.get(self.path, b""))


@pytest.fixture(scope="module")
def publisher(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Callable[[str], bytes]]]:
    """Its URL, and a `fetch` that believes its certificate."""
    files = ensure_certificates(tmp_path_factory.mktemp("publisher"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server = ThreadingHTTPServer((HOST, 0), Publisher)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    believing = ssl.create_default_context(cafile=str(files.authority))
    with served(server):
        yield f"https://localhost:{server.server_address[1]}", partial(fetch_list, verify=believing)


def _published_at(path: Path, url: str) -> dict[str, bytes]:
    """Let every engine of the file publish at this URL what it has there; return the answers."""
    ranges = json.loads(path.read_text("utf-8"))
    answers = {f"/{name}": _published(*entry["networks"]) for name, entry in ranges.items()}
    for name, entry in ranges.items():
        entry["source"] = f"{url}/{name}"
    path.write_text(json.dumps(ranges), "utf-8")
    return answers


def test_twin_lists_are_fetched_and_written(
    path: Path, publisher: tuple[str, Callable[[str], bytes]]
) -> None:
    url, fetch = publisher
    Publisher.answers = _published_at(path, url)
    Publisher.answers["/bingbot"] = _published(
        *json.loads(path.read_text("utf-8"))["bingbot"]["networks"], "66.102.0.0/21"
    )
    assert refresh(path, fetch) == ["bingbot: + 66.102.0.0/21"]
    assert "66.102.0.0/21" in map(str, published_networks(path)["bingbot"])


@pytest.mark.parametrize("said", ["nothing", "no json", "too much", "elsewhere", "cut short"])
def test_attack_a_source_that_was_taken_over_changes_nothing(
    path: Path, publisher: tuple[str, Callable[[str], bytes]], said: str
) -> None:
    url, fetch = publisher
    answers = _published_at(path, url)
    listed = answers.pop("/bingbot")
    sources = {
        "no json": b"<html>Sign in to the network</html>",
        "too much": listed + b" " * MAX_BYTES,
        "cut short": listed[: len(listed) // 2],
    }
    Publisher.answers = answers | ({"/bingbot": sources[said]} if said in sources else {})
    if said == "elsewhere":
        path.write_text(path.read_text("utf-8").replace("/bingbot", "/moved/bingbot"), "utf-8")
    before = path.read_bytes()
    Publisher.asked.clear()
    with pytest.raises(ImplausibleRangesError):
        refresh(path, fetch)
    assert path.read_bytes() == before
    assert "/list" not in Publisher.asked
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_attack_a_source_without_a_certificate_that_we_believe_is_not_heard(
    path: Path, publisher: tuple[str, Callable[[str], bytes]]
) -> None:
    Publisher.answers = _published_at(path, publisher[0])
    Publisher.asked.clear()
    with pytest.raises(httpx.ConnectError):
        refresh(path)
    assert Publisher.asked == []


def test_a_change_that_cannot_be_written_leaves_the_old_file_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = _unchanged(path)
    first = next(iter(answers))
    answers[first] = _published(
        "66.102.0.0/21", *json.loads(path.read_text())["googlebot"]["networks"]
    )
    before = path.read_bytes()

    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device", *paths)

    monkeypatch.setattr("app.layers.bots.local.refresh_ranges.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        refresh(path, answers.__getitem__)
    assert path.read_bytes() == before
