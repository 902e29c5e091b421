"""gixy: does the configuration that nginx is given hold one of the known mistakes?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.scan.edges import rendered
from tests.scan.judging import JudgeError, Verdict, consult, unable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dev.processes import Service
    from tests.stack import Stack

PATIENCE_SECONDS = 60
CLEAN, FOUND = 0, 1


class Excuse(NamedTuple):
    """What gixy says of one file (its plugin, and a word of its reason), and why it is meant."""

    plugin: str
    word: str
    file: str
    reason: str


EXCUSED = (
    Excuse(
        "ssl_ecdh_curve",
        "X25519MLKEM768",
        "snippets/http/tls.conf",
        "Mozilla 6.0 puts this group first; the renderer writes it only where OpenSSL knows it",
    ),
    Excuse(
        "try_files_is_evil_too",
        "open_file_cache",
        "snippets/server/acme.conf",
        "a challenge is asked for a few times and then gone: a cache would outlive it",
    ),
    Excuse(
        "http2_misdirected_request",
        "return 421",
        "conf.d/unknown-hosts.conf",
        "it answers 421, from a later phase than return does: one in which limits count",
    ),
    Excuse(
        "try_files_is_evil_too",
        "open_file_cache",
        "conf.d/unknown-hosts.conf",
        "there is no file to cache",
    ),
)


def _excuse(issue: dict[str, Any], file: str) -> str | None:
    for one in EXCUSED:
        if (one.plugin, one.file) == (issue["plugin"], file) and one.word in issue["reason"]:
            return one.reason
    return None


def judge(folder: Path, subject: str) -> Verdict:
    """Let gixy read a rendered edge.

    Raises:
        JudgeError: it could not read all of it.
    """
    said = consult("gixy", "-f", "json", folder / "nginx.conf", seconds=PATIENCE_SECONDS)
    # An include that it can't parse is a line on stderr, and no finding.
    if said.status not in (CLEAN, FOUND) or "ERROR" in said.errors:
        raise unable("gixy", said)
    against, excused = [], []
    for issue in json.loads(said.output):
        file = str(issue["file"]).removeprefix(f"{folder}/")
        words = f"{issue['severity']} {issue['plugin']} ({file}): {issue['reason']}"
        reason = _excuse(issue, file)
        if reason is None:
            against.append(words)
        else:
            excused.append(f"{words} - {reason}")
    return Verdict("gixy-next", subject, f"{len(against)} findings", against, excused)


def test_nginx_is_given_no_known_mistake(stack: Stack, accept: Callable[[Verdict], None]) -> None:
    accept(judge(stack.service.run, "edge, modern"))


def test_nor_with_the_switch_for_older_clients(
    intermediate: Service, accept: Callable[[Verdict], None]
) -> None:
    accept(judge(intermediate.run, "edge, intermediate"))


def test_it_can_find_a_mistake(stack: Stack, tmp_path: Path) -> None:
    # $uri is decoded: a %0d%0a in it would end the header.
    service = rendered(stack, tmp_path, ("conf.d/http.conf", "$request_uri", "$uri"))
    assert "http_splitting" in " ".join(judge(service.run, "spoilt").against)


def test_it_excuses_a_group_of_mozillas_and_no_other(stack: Stack, tmp_path: Path) -> None:
    for group, kept in (("X25519MLKEM768", 0), ("SecP256r1MLKEM768", 1)):
        folder = tmp_path / group
        folder.mkdir()
        damage = ("snippets/http/tls.conf", "ssl_ecdh_curve ", f"ssl_ecdh_curve {group}:")
        verdict = judge(rendered(stack, folder, damage).run, "spoilt")
        assert len(verdict.against) == kept
        assert any(group in words for words in (verdict.against or verdict.excused))


def test_it_does_not_pass_what_it_can_not_read(stack: Stack, tmp_path: Path) -> None:
    service = rendered(stack, tmp_path, ("conf.d/https.conf", "server {", "server { {"))
    with pytest.raises(JudgeError, match=r"https\.conf"):
        judge(service.run, "spoilt")
    with pytest.raises(JudgeError, match="not found"):
        judge(tmp_path / "nowhere", "nothing")
