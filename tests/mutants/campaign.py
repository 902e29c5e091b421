"""Puts every mutant on trial, several at a time, each in its own copy of the project."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bake import LITTER
from tests.mutants.mutant import EditError, Mutant, apply
from tests.mutants.verdict import Finding, Verdict, files_of, judge, judge_baseline, run_rounds
from tests.running import end_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Trial(NamedTuple):
    """A mutant, or a layer as it is, and its verdict."""

    layer: str
    name: str
    verdict: Verdict
    output: str = ""


class Laboratory(NamedTuple):
    """Where trials are held."""

    project: Path
    """A baked project, which is copied and never changed."""
    python: Path
    """The Python of its environment, shared by all copies."""
    layers: frozenset[str]


def in_rounds(tests: Sequence[str], first: str) -> list[list[str]]:
    """Return the files of tests in the order to run them: the one that knows by itself, the rest.

    Most mutants are killed in the first round, and the other files need not even be read.

    Raises:
        EditError: it is none of them.
    """
    if first and first not in tests:
        raise EditError(f"{first} is no file of this layer's tests")
    rest = [name for name in tests if name != first]
    return [files for files in ([first] if first else [], rest) if files]


def hold(laboratory: Laboratory, layer: str, mutant: Mutant | None) -> Trial:
    """Hold one trial: of a mutant, or without one of the layer's tests themselves."""
    name = mutant.name if mutant else "(as it is)"
    with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
        tree = Path(scratch, "project")
        ignored = shutil.ignore_patterns(".git")
        shutil.copytree(
            laboratory.project,
            tree,
            ignore=lambda folder, names: LITTER(folder, names) | ignored(folder, names),
        )
        tests = files_of(layer, tree, laboratory.layers)
        if not tests:
            return Trial(layer, name, Verdict(Finding.BROKEN, "the layer has no tests"))
        try:
            rounds = [tests]
            if mutant is not None:
                apply(mutant, tree)
                rounds = in_rounds(tests, mutant.first)
            report = run_rounds(laboratory.python, tree, rounds, stop_early=mutant is not None)
        except EditError as error:
            return Trial(layer, name, Verdict(Finding.INAPPLICABLE, str(error)))
        except subprocess.TimeoutExpired as error:
            reason = f"the tests hung for {error.timeout:.0f} seconds"
            return Trial(layer, name, Verdict(Finding.BROKEN, reason), str(error.output or ""))
    verdict = judge(layer, report) if mutant else judge_baseline(report)
    return Trial(layer, name, verdict, "" if verdict.is_good else report.output)


def campaign(laboratory: Laboratory, mutants: Sequence[Mutant], jobs: int) -> Iterator[Trial]:
    """Hold all trials and yield each as it ends: first the layers as they are, then the mutants."""
    layers = dict.fromkeys(mutant.layer for mutant in mutants)
    todo: list[tuple[str, Mutant | None]] = [(layer, None) for layer in layers]
    todo += [(mutant.layer, mutant) for mutant in mutants]
    with ThreadPoolExecutor(jobs) as pool:
        trials = [pool.submit(hold, laboratory, layer, mutant) for layer, mutant in todo]
        try:
            for trial in as_completed(trials):
                yield trial.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise


def report(trials: Iterator[Trial], write: Callable[[str], None]) -> int:
    """Write a row for each trial and the sums; return the number of failures."""
    good = bad = 0
    started = time.monotonic()
    for trial in trials:
        finding, reason = trial.verdict
        good, bad = good + trial.verdict.is_good, bad + (not trial.verdict.is_good)
        write(f"{trial.layer:<15} {trial.name:<62} {finding}: {reason}")
        if trial.output:
            write("\n".join(f"    | {line}" for line in trial.output.splitlines()[-30:]))
    write(f"{good} passed, {bad} failed in {time.monotonic() - started:.0f} s")
    return bad
