"""Layer 6 under attack by somebody else's program: Schemathesis, with the service's own document.

It makes requests that the document allows and requests that it forbids, follows what the answers
give it, and holds every answer against what is said of it. All its checks are on. It finds what is
not in the document as well as what is not as in the document.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests import schema_hooks
from tests.stack import USER_AGENT, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = "5"
SECONDS = 240
"""At the latest; on a machine of its own it takes a fifth of that."""
pytestmark = pytest.mark.timeout(SECONDS + 60)
MANY = "1000000/minute"
FREE = {
    f"RATE_LIMITS__{name}": MANY
    for name in ("PER_CLIENT", "LOGIN", "FAILED_LOGINS", "SIGNUP", "REFRESH", "UPLOADS")
} | {"BOTS__MODE": "monitor"}
"""One client asks a thousand times, mostly in vain: what limits and the judgement of behaviour say
to that is proven elsewhere."""
CONFIGURATION = """
[checks.positive_data_acceptance]
# 400: a cursor of the right form that this service did not give out. 401: no such account.
expected-statuses = ["2xx", 400, 401, 403, 404, 409]
"""


class Judgement(NamedTuple):
    """How the program ended, and what it reported."""

    status: int
    words: str
    report: dict[str, Any]


def judge(stack: Stack, folder: Path) -> Judgement:
    """Return what Schemathesis says of a service, as an administrator of it."""
    caller = stack.signup()
    stack.command("app.accounts", "promote", caller.email)
    again = {"email": caller.email, "password": caller.password}
    token = caller.client.post("/api/v1/accounts/login", json=again).json()["access_token"]
    report, configuration = folder / "report.json", folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION, "utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"),
        f"{stack.https_url}/openapi.json",
        *("--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure", "--no-color"),
        "--generation-deterministic",
        *("--rate-limit", "90/s"),  # nginx lets 100 pass: its refusals are tested elsewhere
        *("--tls-verify", str(stack.ca_file), "--header", f"User-Agent: {USER_AGENT}"),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    known = {
        "PYTHONPATH": str(ROOT),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder),
        "SCHEMATHESIS_HOOKS": "tests.schema_hooks",
        schema_hooks.TOKEN: token,
        schema_hooks.URL: stack.https_url,
        schema_hooks.CA_FILE: str(stack.ca_file),
        schema_hooks.USER_AGENT: USER_AGENT,
    }
    done = subprocess.run(  # noqa: S603 - a list of our own
        command,
        cwd=folder,
        env=os.environ | known,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    told = json.loads(report.read_text("utf-8")) if report.exists() else {}
    return Judgement(done.returncode, done.stdout + done.stderr, told)


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The live service with limits that one client does not reach."""
    with running_stack(tmp_path_factory.mktemp("unlimited"), **FREE) as stack:
        yield stack


@pytest.fixture(scope="module")
def judgement(unlimited: Stack, tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """What Schemathesis says of it; asked once."""
    return judge(unlimited, tmp_path_factory.mktemp("judgement"))


def test_attack_whatever_the_document_allows_or_forbids(judgement: Judgement) -> None:
    assert judgement.status == 0, judgement.words
    assert judgement.report["failures"] == judgement.report["errors"] == []


def test_twin_every_operation_was_tried_in_every_way(
    judgement: Judgement, unlimited: Stack
) -> None:
    """A judge that could not ask has not judged."""
    document = unlimited.client().get("/openapi.json").json()
    operations = sum(len(methods) for methods in document["paths"].values())
    assert judgement.report["operations"]["tested"] == operations
    phases = judgement.report["phases"].items()
    wanted = {"examples", "coverage", "fuzzing"}
    if any("{" in path for path in document["paths"]):
        wanted.add("stateful")  # what one operation makes another one takes
    assert wanted <= {name for name, phase in phases if phase["status"] == "success"}
    assert judgement.report["test_cases"]["generated"] > 20 * operations
    assert judgement.report["warnings"]["validation_mismatch"] == []


def test_twin_what_the_document_shows_is_taken(unlimited: Stack) -> None:
    client = unlimited.client()
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    shown = {
        name: {field: told["examples"][0] for field, told in schemas[name]["properties"].items()}
        for name in ("Signup", "ProfileChange")
    }
    signed_up = client.post("/api/v1/accounts/signup", json=shown["Signup"])
    assert signed_up.status_code in {201, 409}  # the judge may have come first
    changed = unlimited.signup().client.patch("/api/v1/accounts/me", json=shown["ProfileChange"])
    assert changed.status_code == 200
