"""testssl.sh: every check it has, and what an A+ of SSL Labs takes.

Its grade counts where it gives one. Before version 3.2 it gives none (Debian 12 has 3.0), so the
conditions are read from its findings in any case, by SSL Labs' server rating guide:
https://github.com/ssllabs/research/wiki/SSL-Server-Rating-Guide

Not asked: the DNS (CAA), revocation lists, and whatever else would leave this machine.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dev.runner import HOST
from tests.scan.edges import edge
from tests.scan.judging import JudgeError, Verdict, consult, unable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stack import Stack

PATIENCE_SECONDS = 300
"""It takes 45 on two calm cores."""
pytestmark = pytest.mark.timeout(PATIENCE_SECONDS + 30)
HARMLESS = {"OK", "INFO", "DEBUG"}


class Finding(NamedTuple):
    """One finding, as testssl.sh writes it down."""

    id: str
    severity: str
    words: str


class Condition(NamedTuple):
    """What an A+ takes: the findings with this id say these words (both are patterns)."""

    name: str
    id: str
    words: str


class Excuse(NamedTuple):
    """What is no fault of the edge's: findings with this id that begin so, and why."""

    id: str
    words: str
    reason: str


EXCUSED = (
    Excuse("cert_revocation", "Neither CRL nor OCSP", "a development authority publishes no list"),
    Excuse("engine_problem", "No engine", "about the OpenSSL that testssl.sh runs on"),
    Excuse("NPN", "not possible", "what came before ALPN can't be tried with TLS 1.3"),
    Excuse("sessionresumption_ticket", "check failed", "there are no tickets to resume with"),
)

A_PLUS = (
    Condition("no SSL", r"SSLv[23]", r"not offered"),
    Condition("no TLS before 1.2", r"TLS1(_1)?", r"not offered"),
    Condition("TLS 1.3", r"TLS1_3", r"offered"),
    Condition("no weak cipher", r"cipherlist_(NULL|aNULL|EXPORT|LOW|3DES_IDEA)", r"not offered"),
    Condition("forward secrecy", r"P?FS", r"offered"),
    Condition("a strong key (ECDSA P-384)", r"cert_keySize", r"EC 384 bits"),
    Condition("a trusted certificate", r"cert_chain_of_trust", r"passed"),
    Condition("for this name", r"cert_trust", r"Ok via SAN"),
    Condition("HSTS for half a year or longer", r"HSTS_time", r"\d{3,} days"),
    Condition("no Heartbleed", r"heartbleed", r"not vulnerable"),
    Condition("no ROBOT", r"ROBOT", r"not vulnerable"),
    Condition("no POODLE", r"POODLE_SSL", r"not vulnerable"),
    Condition("no DROWN", r"DROWN", r"not vulnerable"),
    Condition("no FREAK, no Logjam", r"FREAK|LOGJAM", r"not vulnerable"),
)


def _scan(port: int, authority: Path, folder: Path, *checks: str) -> list[Finding]:
    report = folder / "testssl.json"
    report.unlink(missing_ok=True)
    quiet = ("--quiet", "--warnings=off", "--color=0")
    here = ("--nodns=none", f"--ip={HOST}", f"--add-ca={authority}")
    said = consult(
        "testssl",
        *quiet,
        *here,
        "--sneaky",  # a browser's user agent: as itself it would see the bots' layer only
        f"--jsonfile={report}",
        *checks,
        f"https://localhost:{port}/healthz",
        seconds=PATIENCE_SECONDS,
    )
    try:
        found = json.loads(report.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        raise unable("testssl.sh", said) from None
    findings = [Finding(one["id"], one["severity"], one["finding"]) for one in found]
    ended = [one for one in findings if one.id == "scanTime"]
    if not ended or ended[0].severity not in HARMLESS:
        raise unable("testssl.sh", said)
    return findings


def _meets(findings: list[Finding], condition: Condition) -> bool:
    words = [one.words for one in findings if re.fullmatch(condition.id, one.id)]
    return bool(words) and all(re.match(condition.words, one) for one in words)


def _sorted(findings: list[Finding]) -> tuple[list[str], list[str]]:
    """Return what is against us, and what is excused."""
    against, excused = [], []
    for one in findings:
        if one.severity in HARMLESS:
            continue
        words = f"{one.severity} {one.id}: {one.words}"
        reasons = [
            known.reason
            for known in EXCUSED
            if known.id == one.id and one.words.startswith(known.words)
        ]
        if reasons:
            excused.append(f"{words} - {reasons[0]}")
        else:
            against.append(words)
    return against, excused


def judge(port: int, authority: Path, folder: Path, *checks: str) -> Verdict:
    """Let testssl.sh look at a TLS port.

    Args:
        port: on loopback.
        authority: whom it trusts beside the public ones.
        folder: for its report.
        checks: its options; every check if there are none.

    Raises:
        JudgeError: it did not get to the end.
    """
    findings = _scan(port, authority, folder, *checks)
    met = [one.name for one in A_PLUS if _meets(findings, one)]
    against, excused = _sorted(findings)
    against += [f"A+ takes: {one.name}" for one in A_PLUS if one.name not in met]
    grades = [one.words for one in findings if one.id == "overall_grade"]
    against += [f"grade {one}" for one in grades if one != "A+"]
    grade = f"grade {grades[0]}" if grades else "no grade in this version"
    words = f"{len(met)} of {len(A_PLUS)} conditions of A+; {grade}; {len(findings)} findings"
    return Verdict("testssl.sh", "edge, modern", words, against, excused, met)


def test_the_edge_is_worth_an_a_plus(
    stack: Stack, tmp_path: Path, accept: Callable[[Verdict], None]
) -> None:
    accept(judge(stack.https_port, stack.ca_file, tmp_path))


def test_it_can_find_what_is_weak(stack: Stack, tmp_path: Path) -> None:
    weak = ("choices/tls/intermediate.conf", "ssl_ciphers ", "ssl_ciphers eNULL:@SECLEVEL=0; #")
    with edge(stack, tmp_path, weak, tls="intermediate") as service:
        nobody = stack.service.certificates.certificate  # it vouches for nobody
        checks = ("--std", "--protocols", "--server-defaults")
        verdict = judge(service.ports.https, nobody, tmp_path, *checks)
    assert "A+ takes: no weak cipher" in verdict.against
    assert any(words.startswith("CRITICAL cipherlist_NULL") for words in verdict.against)
    assert any(words.startswith("CRITICAL cert_chain_of_trust") for words in verdict.against)


def test_it_does_not_take_silence_for_an_a_plus(stack: Stack, tmp_path: Path) -> None:
    verdict = judge(stack.https_port, stack.ca_file, tmp_path, "--protocols")
    assert "A+ takes: a trusted certificate" in verdict.against


def test_it_does_not_pass_a_dead_port(stack: Stack, dead_port: int, tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="connect"):
        judge(dead_port, stack.ca_file, tmp_path)
