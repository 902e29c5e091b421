"""sslyze: is the edge what Mozilla's server-side TLS guidelines call modern, or intermediate?

Its exit code is 0 for a dead port too, so only its words about the host we meant count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dev.runner import HOST
from tests.scan.judging import JudgeError, Verdict, consult, unable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dev.processes import Service
    from tests.stack import Stack

PATIENCE_SECONDS = 60
SAYS = 'Checking results against Mozilla\'s "{level}" configuration.'


def judge(port: int, level: str, authority: Path) -> Verdict:
    """Let sslyze compare a TLS port with a level of Mozilla's guidelines.

    Raises:
        JudgeError: it did not get to compare.
    """
    target = f"localhost:{port}"
    said = consult(
        "sslyze",
        f"--mozilla_config={level}",
        "--certinfo_ca_file",
        authority,
        f"{target}{{{HOST}}}",
        seconds=PATIENCE_SECONDS,
    )
    _, compared, after = said.output.partition(SAYS.format(level=level))
    lines = [line.strip() for line in after.splitlines()]
    if not compared or not any(line.startswith(f"{target}:") for line in lines):
        raise unable("sslyze", said)
    compliant = f"{target}: OK - Compliant." in lines
    findings = [] if compliant else [line for line in lines[1:] if line]
    return Verdict("sslyze", f"Mozilla {level}", "Compliant" if compliant else "FAILED", findings)


def test_the_edge_is_mozillas_modern(stack: Stack, accept: Callable[[Verdict], None]) -> None:
    accept(judge(stack.https_port, "modern", stack.ca_file))


def test_the_edge_for_older_clients_is_mozillas_intermediate(
    stack: Stack, intermediate: Service, accept: Callable[[Verdict], None]
) -> None:
    accept(judge(intermediate.ports.https, "intermediate", stack.ca_file))


def test_it_can_fail_what_is_too_weak(stack: Stack, intermediate: Service) -> None:
    verdict = judge(intermediate.ports.https, "modern", stack.ca_file)
    assert any("TLSv1.2" in words for words in verdict.against)


def test_it_does_not_take_a_dead_port_for_a_good_one(stack: Stack, dead_port: int) -> None:
    with pytest.raises(JudgeError, match="rejected the connection"):
        judge(dead_port, "modern", stack.ca_file)
