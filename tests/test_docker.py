"""What `make docker` says where it can't run. Where it can, CI runs it: see `.ci/run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bake import ROOT
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path


def test_without_an_engine_one_line_says_what_is_missing(tmp_path: Path) -> None:
    env = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    # Made beforehand in every test run; what is asked here is only what comes first.
    done = run("make", "docker", "--assume-old=.venv/bin/.base", cwd=ROOT, env=env)
    assert done.status != 0
    first, *rest = done.output.splitlines()
    assert first == "make docker needs a Docker engine that answers"
    assert all(line.startswith("make: ***") for line in rest)
