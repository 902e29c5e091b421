"""The proof that the proof works: a campaign tells a kill from everything that looks like one."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bake import BODY
from tests.mutants.campaign import Laboratory, Trial, campaign, in_rounds, report
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import NOT_MOUNTED, EditError, Mutant, apply
from tests.mutants.verdict import (
    MEMORY_KIB,
    Finding,
    Report,
    Verdict,
    belongs_to,
    files_of,
    judge,
    judge_baseline,
)

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = (
    *("https", "headers", "cors", "rate_limits", "bots"),
    *("validation", "authentication", "authorization", "uploads", "logs"),
)

WALL = '''"""A layer: lets nobody below eighteen in."""


def may_enter(age):
    return age >= 18
'''
UNIT = """from app.layers.wall import may_enter


def test_a_grown_up_may_enter():
    assert may_enter(18)


def test_a_child_may_not():
    assert not may_enter(17)
"""
ATTACK = """import pytest
from app.layers.wall import may_enter


@pytest.fixture
def stack():
    assert may_enter(99), "the service does not start"


def test_attack_by_an_infant(stack):
    assert not may_enter(0)
"""
OF_ANOTHER_LAYER = """from app.layers.wall import may_enter


def test_a_door():
    assert may_enter(40)
"""


def wall(name: str, new: str, old: str = "return age >= 18") -> Mutant:
    return Mutant("wall", name, "app/layers/wall.py", old, new)


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    """Return a project of one layer, beside which there is one called `wallpaper`."""
    project = tmp_path / "a project"
    for name, content in {
        "app/layers/wall.py": WALL,
        "tests/layers/test_wall.py": UNIT,
        "tests/attacks/test_wall.py": ATTACK,
        "tests/layers/test_wallpaper.py": OF_ANOTHER_LAYER,
        "pytest.ini": "[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n",
        ".env": "SECRET=1\n",
    }.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return Laboratory(project, sys.executable, frozenset({"wall", "wallpaper"}))  # type: ignore[arg-type]


def trials(laboratory: Laboratory, *mutants: Mutant) -> dict[str, Trial]:
    return {trial.name: trial for trial in campaign(laboratory, mutants, jobs=2)}


def test_a_mutant_is_killed_by_the_test_that_names_what_broke(laboratory: Laboratory) -> None:
    held = trials(laboratory, wall("children come in", "return age >= 17"))
    assert held["children come in"].verdict == Verdict(
        Finding.KILLED, "tests/layers/test_wall.py::test_a_child_may_not"
    )
    assert held["(as it is)"].verdict == Verdict(Finding.GREEN, "3 tests passed")


def test_unit_tests_come_before_attacks(laboratory: Laboratory) -> None:
    # An infant passes only where the unit test's child does not.
    held = trials(laboratory, wall("infants come in", "return age >= 18 or age == 0"))
    assert held["infants come in"].verdict.reason == (
        "tests/attacks/test_wall.py::test_attack_by_an_infant"
    )
    assert files_of("wall", laboratory.project, laboratory.layers) == [
        "tests/layers/test_wall.py",
        "tests/attacks/test_wall.py",
    ]


def test_an_edit_that_changes_nothing_survives_and_fails_the_campaign(
    laboratory: Laboratory,
) -> None:
    noop = wall("nothing", "return age > 17")
    assert trials(laboratory, noop)["nothing"].verdict == Verdict(
        Finding.SURVIVED, "3 tests passed"
    )
    lines: list[str] = []
    assert report(campaign(laboratory, [noop], jobs=1), lines.append) == 1
    assert lines[-1].startswith("1 passed, 1 failed in ")
    assert any("SURVIVED: 3 tests passed" in line for line in lines)


@pytest.mark.parametrize(
    ("mutant", "reason"),
    [
        (wall("gone", "", old="return age >= 21"), "stands 0 times"),
        (wall("twice", "", old="e"), "times in app/layers/wall.py, not once"),
        (Mutant("wall", "no file", "app/gone.py", "a", "b"), "app/gone.py does not exist"),
    ],
    ids=lambda value: value.name if isinstance(value, Mutant) else "",
)
def test_an_edit_that_does_not_apply_is_an_error(
    laboratory: Laboratory, mutant: Mutant, reason: str
) -> None:
    verdict = trials(laboratory, mutant)[mutant.name].verdict
    assert verdict.finding is Finding.INAPPLICABLE
    assert reason in verdict.reason
    assert not verdict.is_good


@pytest.mark.parametrize(
    ("mutant", "reason"),
    [
        (wall("syntax", "return age >= >= 18"), "tests/layers/test_wall"),
        (
            wall("name", "", old="def may_enter(age):\n    return age >= 18"),
            "tests/layers/test_wall",
        ),
        (wall("start", "return 17 < age < 99"), "::test_attack_by_an_infant"),
    ],
    ids=["a module that can't be parsed", "a module that can't be imported", "a broken fixture"],
)
def test_a_run_that_breaks_without_a_failing_test_is_no_kill(
    laboratory: Laboratory, mutant: Mutant, reason: str
) -> None:
    trial = trials(laboratory, mutant)[mutant.name]
    assert trial.verdict.finding is Finding.BROKEN
    assert reason in trial.verdict.reason
    assert trial.output, "the campaign shows why"


def test_a_kill_by_another_layers_test_is_an_error() -> None:
    stray = Report(1, ("tests/layers/test_wallpaper.py::test_a_door",), ())
    assert judge("wall", stray).finding is Finding.STRAY
    assert not judge("wall", stray).is_good
    assert not belongs_to("tests/test_stack.py::test_order", "wall")
    assert not belongs_to("tests/layers/test_wallpaper.py::test_a_door", "wall")
    assert belongs_to("tests/layers/test_wall_paint.py::test_it[a::b\n]", "wall")


def test_a_layer_whose_name_begins_another_keeps_its_hands_off_that_ones_tests(
    laboratory: Laboratory,
) -> None:
    (laboratory.project / "tests/layers/test_wall_paper.py").write_text("", encoding="utf-8")
    layers = frozenset({"wall", "wall_paper"})
    assert files_of("wall_paper", laboratory.project, layers) == ["tests/layers/test_wall_paper.py"]
    assert "tests/layers/test_wall_paper.py" not in files_of("wall", laboratory.project, layers)


def test_a_layer_whose_tests_fail_as_it_is_fails_the_campaign(laboratory: Laboratory) -> None:
    unit = laboratory.project / "tests/layers/test_wall.py"
    unit.write_text(UNIT.replace("may_enter(18)", "may_enter(12)"), encoding="utf-8")
    held = trials(laboratory, wall("children come in", "return age >= 17"))
    assert held["(as it is)"].verdict == Verdict(
        Finding.RED, "tests/layers/test_wall.py::test_a_grown_up_may_enter"
    )


def test_a_layer_without_tests_is_an_error(laboratory: Laboratory) -> None:
    held = trials(laboratory, Mutant("roof", "leaks", "app/layers/wall.py", "18", "17"))
    assert held["leaks"].verdict == Verdict(Finding.BROKEN, "the layer has no tests")


def test_tests_that_are_all_skipped_prove_nothing() -> None:
    assert judge("wall", Report(0, (), ())).finding is Finding.BROKEN
    assert judge_baseline(Report(0, (), ())).finding is Finding.RED


def test_the_project_itself_is_never_edited(laboratory: Laboratory) -> None:
    trials(laboratory, wall("children come in", "return age >= 17"))
    assert (laboratory.project / "app/layers/wall.py").read_text(encoding="utf-8") == WALL
    assert not list(laboratory.project.rglob("__pycache__"))


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_every_edit_of_the_catalogue_applies_once(mutant: Mutant, tmp_path: Path) -> None:
    source = (BODY / mutant.file).read_text(encoding="utf-8")
    copy = tmp_path / mutant.file
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(source, encoding="utf-8")
    apply(mutant, tmp_path)
    assert copy.read_text(encoding="utf-8") != source
    with pytest.raises(EditError):
        apply(mutant._replace(file="app/nowhere.py"), tmp_path)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_has_two_mutants_and_one_is_its_absence(layer: str) -> None:
    names = [mutant.name for mutant in MUTANTS if mutant.layer == layer]
    assert len(names) >= 2
    assert NOT_MOUNTED in names


def test_the_layers_are_those_that_stand_in_the_body() -> None:
    standing = {path.stem for path in (BODY / "app" / "layers").iterdir() if path.stem[0] != "_"}
    assert standing == set(LAYERS)
    assert {mutant.layer for mutant in MUTANTS} == standing


@pytest.mark.parametrize("mutant", [mutant for mutant in MUTANTS if mutant.first], ids=str)
def test_the_file_that_knows_is_one_of_its_layers_tests(mutant: Mutant) -> None:
    assert mutant.first in files_of(mutant.layer, BODY, frozenset(LAYERS))


def test_no_two_mutants_have_one_name() -> None:
    assert [name for name, times in Counter(map(str, MUTANTS)).items() if times > 1] == []


def test_the_file_that_knows_runs_before_the_others() -> None:
    assert in_rounds(["a.py", "b.py", "c.py"], "b.py") == [["b.py"], ["a.py", "c.py"]]
    assert in_rounds(["a.py", "b.py"], "") == [["a.py", "b.py"]]
    assert in_rounds(["a.py"], "a.py") == [["a.py"]]
    with pytest.raises(EditError, match=r"d\.py is no file"):
        in_rounds(["a.py", "b.py"], "d.py")


def test_those_that_run_later_count_too(laboratory: Laboratory) -> None:
    noop = wall("nothing", "return age > 17")._replace(first="tests/attacks/test_wall.py")
    assert trials(laboratory, noop)["nothing"].verdict == Verdict(
        Finding.SURVIVED, "3 tests passed"
    )
    late = wall("children come in", "return age >= 17")._replace(first=noop.first)
    assert trials(laboratory, late)["children come in"].verdict == Verdict(
        Finding.KILLED, "tests/layers/test_wall.py::test_a_child_may_not"
    )


def test_a_mutant_that_takes_all_memory_takes_it_from_itself(laboratory: Laboratory) -> None:
    greedy = wall("greedy", f"return bytearray({MEMORY_KIB << 10}) and age >= 18")
    assert trials(laboratory, greedy)["greedy"].verdict == Verdict(
        Finding.KILLED, "tests/layers/test_wall.py::test_a_grown_up_may_enter"
    )
