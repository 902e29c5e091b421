"""Fixtures of the judges, and their verdicts at the end: as a table, and in build/scan.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from dev.processes import ROOT
from dev.runner import free_port
from tests.scan.edges import edge
from tests.scan.judging import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dev.processes import Service
    from tests.stack import Stack

VERDICTS = pytest.StashKey[list[Verdict]]()
REPORT = ROOT / "build" / "scan.json"
ROW = "{:<22} {:<28} {}"


@pytest.fixture(scope="session")
def intermediate(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The edge with the switch for older clients: TLS 1.2 too."""
    with edge(stack, tmp_path_factory.mktemp("edge"), tls="intermediate") as service:
        yield service


@pytest.fixture
def dead_port() -> int:
    """Return a port that nobody listens on."""
    return free_port()


@pytest.fixture
def accept(pytestconfig: pytest.Config) -> Callable[[Verdict], None]:
    """Return what puts a verdict on record, and fails when anything in it is against us."""

    def record(verdict: Verdict) -> None:
        pytestconfig.stash.setdefault(VERDICTS, []).append(verdict)
        assert verdict.against == [], verdict.words

    return record


def pytest_sessionstart() -> None:
    """Forget the last verdicts: what is written down is of this run, or is not there."""
    REPORT.unlink(missing_ok=True)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show every verdict, and write them all down."""
    verdicts = config.stash.get(VERDICTS, [])
    if not verdicts:
        return
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps([asdict(one) for one in verdicts], indent=2) + "\n", "utf-8")
    terminalreporter.section(f"verdicts ({REPORT.relative_to(ROOT)})")
    for one in verdicts:
        terminalreporter.write_line(ROW.format(one.judge, one.subject, one.words))
        for words in one.against:
            terminalreporter.write_line(ROW.format("", "AGAINST", words))
        for words in one.excused:
            terminalreporter.write_line(ROW.format("", "excused", words))
