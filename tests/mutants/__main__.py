"""`make mutants`."""

from __future__ import annotations

import argparse
import sys

from bake import ROOT, bake_again
from tests.mutants.campaign import Laboratory, campaign, report
from tests.mutants.catalogue import MUTANTS
from tests.running import run

INSTALL_SECONDS = 900


def prepare() -> Laboratory:
    """Bake a project and install it; a later run with the same lock installs nothing."""
    project = bake_again(ROOT / "build" / "mutants")
    installed = run("make", "install", cwd=project, seconds=INSTALL_SECONDS)
    if installed.status != 0:
        sys.exit(f"{installed.output}\nThe baked project could not be installed.")
    layers = frozenset(mutant.layer for mutant in MUTANTS)
    return Laboratory(project, project / ".venv" / "bin" / "python", layers)


def main() -> int:
    """Put the mutants on trial that the command line asks for, all of them by default."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--layer", help="only this layer's mutants")
    parser.add_argument("--name", default="", help="only mutants with this in their name")
    options = parser.parse_args()
    chosen = [
        mutant
        for mutant in MUTANTS
        if options.layer in {None, mutant.layer} and options.name in mutant.name
    ]
    if not chosen:
        parser.error("no such mutant")
    laboratory = prepare()
    failures = report(
        campaign(laboratory, chosen, options.jobs),
        lambda line: print(line, flush=True),
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
