"""MDN's HTTP Observatory: the score of our headers, by the package that runs behind its page.

`observatory/score.js` calls its own retriever, tests and grader; only the ports are ours, since the
public page knows no others than 80 and 443. Of the package's dependencies those for its database
and its web interface are left out (`overrides` in `package.json`). A newer version is locked with
`npm install --package-lock-only --omit-lockfile-registry-resolved` in that folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scan.edges import edge
from tests.scan.judging import SCANNERS, JudgeError, Verdict, consult, unable
from tests.stack import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from dev.processes import Service
    from tests.stack import Stack

PATIENCE_SECONDS = 60
WANTED = 125
BEST = 130
"""For an answer without cookies, scripts or a place on browsers' preload list."""
SCRIPT = Path(__file__).parent / "observatory" / "score.js"
PACKAGE = SCANNERS / "observatory" / "node_modules" / "@mdn" / "mdn-http-observatory"

EXCUSED = {
    "/api/": {
        "redirection-missing": "over plain HTTP the API refuses: a redirect hides the leak"
        " (ASVS 5.0 V4.1.2)"
    }
}
"""Below a path, what the Observatory holds against us by name, and why it is meant to be so."""


def _excuses(path: str) -> dict[str, str]:
    return next((words for prefix, words in EXCUSED.items() if path.startswith(prefix)), {})


def judge(service: Service, authority: Path, path: str) -> Verdict:
    """Let the Observatory score a page. What is excused takes no points off.

    Raises:
        JudgeError: it could not fetch the page, over HTTP and over HTTPS.
    """
    # The list of names that browsers reach over HTTPS only; installing would download it. Nobody is
    # on ours, so nothing is forgiven for that.
    (PACKAGE / "conf" / "hsts-preload.json").write_text("{}", "utf-8")
    ports = (str(service.ports.http), str(service.ports.https))
    excuses = _excuses(path)
    said = consult(
        "node",
        SCRIPT,
        PACKAGE,
        *ports,
        path,
        *excuses,
        seconds=PATIENCE_SECONDS,
        environment={"NODE_EXTRA_CA_CERTS": str(authority), "RETRIEVER_USER_AGENT": USER_AGENT},
    )
    if said.status != 0:
        raise unable("The Observatory", said)
    found = json.loads(said.output)
    against, excused = [], []
    for one in found["tests"]:
        if one["result"] in excuses:
            excused.append(f"{one['result']} - {excuses[one['result']]}")
        elif not one["pass"]:
            against.append(f"{one['result']} ({one['modifier']})")
    if found["score"] < WANTED:
        against.append(f"a score of {found['score']}; wanted: {WANTED}")
    words = f"{found['score']} (status {found['status']})"
    return Verdict("MDN Observatory", path, words, against, excused)


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/openapi.json", "/api/v1/accounts/me"])
def test_the_headers_score_as_high_as_they_can(
    stack: Stack, path: str, accept: Callable[[Verdict], None]
) -> None:
    accept(judge(stack.service, stack.ca_file, path))


def test_it_can_score_low(stack: Stack, tmp_path: Path) -> None:
    hide = "proxy_hide_header Content-Security-Policy; proxy_pass http"
    damage = ("snippets/location/proxy.conf", "proxy_pass http", hide)
    with edge(stack, tmp_path, damage) as spoilt:
        verdict = judge(spoilt, stack.ca_file, "/healthz")
    assert "csp-not-implemented (-25)" in verdict.against


def test_it_does_not_forgive_a_page_what_it_forgives_the_api(stack: Stack, tmp_path: Path) -> None:
    damage = ("conf.d/http.conf", "return 308", "return 403; #")
    with edge(stack, tmp_path, damage) as spoilt:
        verdict = judge(spoilt, stack.ca_file, "/healthz")
    assert "redirection-missing (-20)" in verdict.against


def test_it_does_not_score_a_dead_port(stack: Stack, tmp_path: Path) -> None:
    with edge(stack, tmp_path) as gone:
        pass
    with pytest.raises(JudgeError, match="no answer"):
        judge(gone, stack.ca_file, "/healthz")
