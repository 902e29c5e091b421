"""Runs the tests of one layer, reads what happened, and judges a mutant by it."""

from __future__ import annotations

import re
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.running import run

RUN_SECONDS = 600
MEMORY_KIB = 6 << 20
"""Of each process: a mutant that remembers without end must not take the machine along."""


class Finding(StrEnum):
    """How a run ended."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    STRAY = "KILLED BY ANOTHER LAYER'S TEST"
    BROKEN = "BROKE WITHOUT A FAILING TEST"
    INAPPLICABLE = "THE EDIT DOES NOT APPLY"
    RED = "THE TESTS FAIL WITHOUT A MUTANT"
    GREEN = "green"


class Report(NamedTuple):
    """What a run of tests came to."""

    passed: int
    failed: tuple[str, ...]
    """Ids of the tests whose assertion failed, in the order in which they did."""
    errors: tuple[str, ...]
    """Ids of the tests that could not be run: a fixture or a module is broken."""
    output: str = ""


class Verdict(NamedTuple):
    """A finding and its reason: the test that failed, or what went wrong."""

    finding: Finding
    reason: str

    @property
    def is_good(self) -> bool:
        """Whether this is what the proof wants to see."""
        return self.finding in {Finding.KILLED, Finding.GREEN}


def belongs_to(test: str, layer: str) -> bool:
    """Say whether a test, by its file or id, is one of the layer's own."""
    pattern = rf"tests/(?:layers|attacks)/test_{re.escape(layer)}(?:_\w+)?\.py(?:::.*)?"
    return re.fullmatch(pattern, test, re.DOTALL) is not None


def files_of(layer: str, tree: Path, layers: frozenset[str]) -> list[str]:
    """Return the layer's test files, the fast ones first.

    A file goes to the layer with the longest name that fits: `test_rate_limits_login.py` would
    not be of a layer called `rate`.
    """
    found = []
    for folder in ("layers", "attacks"):
        for path in sorted((tree / "tests" / folder).glob("test_*.py")):
            name = path.relative_to(tree).as_posix()
            owners = [known for known in layers | {layer} if belongs_to(name, known)]
            if owners and max(owners, key=len) == layer:
                found.append(name)
    return found


def read_report(xml: Path, output: str) -> Report:
    """Read pytest's JUnit file; without one nothing ran, which is an error too."""
    if not xml.is_file():
        return Report(0, (), ("pytest wrote no report",), output)
    passed, failed, errors = 0, [], []
    for case in ET.parse(xml).getroot().iter("testcase"):  # noqa: S314  written by our own pytest
        place = case.get("file") or case.get("classname", "").replace(".", "/")
        identity = f"{place}::{case.get('name')}"
        if case.find("failure") is not None:
            failed.append(identity)
        elif case.find("error") is not None:
            errors.append(identity)
        elif case.find("skipped") is None:
            passed += 1
    return Report(passed, tuple(failed), tuple(errors), output)


def run_tests(python: Path, tree: Path, files: list[str], *, stop_early: bool) -> Report:
    """Run these files of tests in this tree, one test after another.

    Raises:
        subprocess.TimeoutExpired: they took longer than ten minutes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        xml = Path(scratch, "report.xml")
        # One process, even if the project's own options say otherwise: here the order matters.
        options = ["-n", "0", "-o", "junit_family=xunit1", f"--junit-xml={xml}"]
        options += ["-q", "-p", "no:cacheprovider", *(["-x"] if stop_early else [])]
        limited = ("sh", "-c", f'ulimit -v {MEMORY_KIB} && exec "$@"', "sh")
        command: list[str | Path] = [*limited, python, "-B", "-m", "pytest", *options, *files]
        done = run(*command, cwd=tree, seconds=RUN_SECONDS)
        return read_report(xml, done.output)


def run_rounds(python: Path, tree: Path, rounds: list[list[str]], *, stop_early: bool) -> Report:
    """Run groups of files one after another, up to the first that fails, and sum it up.

    Raises:
        subprocess.TimeoutExpired: a group took longer than ten minutes.
    """
    passed = 0
    for files in rounds:
        report = run_tests(python, tree, files, stop_early=stop_early)
        passed += report.passed
        if report.failed or report.errors:
            break
    return report._replace(passed=passed)


def judge(layer: str, report: Report) -> Verdict:
    """Judge a mutant by what its layer's tests made of it."""
    if report.failed:
        killer = report.failed[0]
        finding = Finding.KILLED if belongs_to(killer, layer) else Finding.STRAY
        return Verdict(finding, killer)
    if report.errors or not report.passed:
        return Verdict(Finding.BROKEN, ", ".join(report.errors) or "no test ran")
    return Verdict(Finding.SURVIVED, f"{report.passed} tests passed")


def judge_baseline(report: Report) -> Verdict:
    """Judge the run without a mutant: everything must pass, or a kill would mean nothing."""
    if report.failed or report.errors or not report.passed:
        return Verdict(Finding.RED, ", ".join(report.failed + report.errors) or "no test ran")
    return Verdict(Finding.GREEN, f"{report.passed} tests passed")
