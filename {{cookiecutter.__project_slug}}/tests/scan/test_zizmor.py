"""zizmor: can a stranger's pull request, or a moved tag, turn the workflows against us?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dev.processes import ROOT
from tests.scan.judging import JudgeError, Verdict, consult, unable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_SECONDS = 60

CARELESS = """\
on: issue_comment
jobs:
  answer:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "${{ github.event.comment.body }}"
"""


def judge(folder: Path) -> Verdict:
    """Let zizmor read every workflow below a folder, as its strictest persona but one.

    Raises:
        JudgeError: it found nothing to read, or gave up.
    """
    asked = ("--offline", "--no-exit-codes", "--persona=pedantic", "--format=json", folder)
    said = consult("zizmor", *asked, seconds=PATIENCE_SECONDS)
    if said.status != 0:
        raise unable("zizmor", said)
    against = [
        f"{one['determinations']['severity']} {one['ident']}: {one['desc']}"
        for one in json.loads(said.output)
        if not one["ignored"]
    ]
    return Verdict("zizmor", "workflows", f"{len(against)} findings", against)


def test_the_workflows_can_not_be_turned_against_us(accept: Callable[[Verdict], None]) -> None:
    accept(judge(ROOT / ".github"))


def test_it_can_find_a_mistake(tmp_path: Path) -> None:
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "careless.yml").write_text(CARELESS, "utf-8")
    assert "template-injection" in " ".join(judge(tmp_path / ".github").against)


def test_it_does_not_pass_a_folder_without_workflows(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="no inputs"):
        judge(tmp_path)
