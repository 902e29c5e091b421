"""docs/controls.md tells the truth: every row names code and a test that are there.

A row: `| V1.2.3 | requirement | code | test |`. Code is `path::symbol`: a name a Python module
defines (`Class.method` too), or any text that stands in a file of another kind. A test is
`path::test_name`. A cell may name several, each in backticks.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
CONTROLS = ROOT / "docs" / "controls.md"
REQUIREMENT_ID = re.compile(r"V(?:[1-9]|1[0-7])\.[1-9]\d?\.[1-9]\d?")
"""The form of an identifier of ASVS 5.0, which has seventeen chapters."""


class Control(NamedTuple):
    """One row of the table."""

    requirement: str
    words: str
    code: tuple[str, ...]
    tests: tuple[str, ...]


def read_controls(page: str) -> list[Control]:
    """Return the rows of the page's tables, without their heads.

    Raises:
        ValueError: a row has not four cells.
    """
    controls = []
    for line in page.splitlines():
        if not line.startswith("|") or re.match(r"\|[\s:|-]+$|\| *ASVS 5\.0", line):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 4:
            raise ValueError(f"not four cells: {line}")
        code, tests = (tuple(re.findall(r"`([^`]+)`", cell)) for cell in cells[2:])
        controls.append(Control(cells[0], cells[1], code, tests))
    return controls


def defined_names(source: str) -> set[str]:
    """Return what a Python module defines, `name` or `Class.name`, in its own words only."""
    names: set[str] = set()

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                names.add(prefix + node.name)
                collect(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    names.update(
                        prefix + part.id for part in ast.walk(target) if isinstance(part, ast.Name)
                    )

    collect(ast.parse(source).body, "")
    return names


def problem_with(reference: str, root: Path) -> str | None:
    """Return what is wrong with `path::name`, if anything is."""
    path, separator, name = reference.partition("::")
    if not separator or not name:
        return f"{reference}: not of the form path::name"
    if ".." in Path(path).parts or not (root / path).is_file():
        return f"{reference}: there is no such file"
    source = (root / path).read_text(encoding="utf-8")
    known = defined_names(source) if path.endswith(".py") else None
    if (name not in source) if known is None else (name.replace("::", ".") not in known):
        return f"{reference}: the file has no {name}"
    return None


def problems(controls: list[Control], root: Path) -> list[str]:
    """Return a line for everything in the table that is not so."""
    found = []
    for control in controls:
        where = control.requirement or "a row without an id"
        if REQUIREMENT_ID.fullmatch(control.requirement) is None:
            found.append(f"{where}: not an identifier of ASVS 5.0")
        if not (control.words and control.code and control.tests):
            found.append(f"{where}: a row needs words, code and a test")
        told = [problem_with(named, root) for named in (*control.code, *control.tests)]
        found += [f"{where}: {line}" for line in told if line]
        for test in control.tests:
            path, _, name = test.partition("::")
            is_test = path.startswith("tests/") and name.rpartition("::")[2].startswith("test_")
            if not is_test:
                found.append(f"{where}: {test}: not a test")
    rows = Counter((control.requirement, control.code, control.tests) for control in controls)
    found += [f"{row[0]}: stands {times} times" for row, times in rows.items() if times > 1]
    return found


def test_every_row_names_what_is_there() -> None:
    controls = read_controls(CONTROLS.read_text(encoding="utf-8"))
    assert controls, "the table is empty"
    assert problems(controls, ROOT) == []


THIS_TEST = "tests/test_controls.py::test_a_true_row_is_believed"
ROW = f"| V1.2.3 | words | `app/errors.py::ServiceError` | `{THIS_TEST}` |"


def test_a_true_row_is_believed() -> None:
    page = f"# Controls\n\n| ASVS 5.0 | requirement | code | test |\n|---|---|---|---|\n{ROW}\n"
    assert len(read_controls(page)) == 1
    assert problems(read_controls(page), ROOT) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("app/errors.py", "app/mistakes.py", "there is no such file"),
        ("app/errors.py", "../errors.py", "there is no such file"),
        ("ServiceError", "NoSuchError", "the file has no NoSuchError"),
        # Named in the file, in a comment or a call, but not defined there.
        ("ServiceError", "orjson", "the file has no orjson"),
        ("::ServiceError", "", "not of the form"),
        ("app/errors.py::ServiceError", "Makefile::no-such-target:", "the file has no"),
        ("test_a_true_row_is_believed", "test_that_never_was", "the file has no test_that"),
        ("test_a_true_row_is_believed", "read_controls", "not a test"),
        ("V1.2.3", "V18.1.1", "not an identifier"),
        ("V1.2.3", "1.2.3", "not an identifier"),
        ("V1.2.3", "V1.2.0", "not an identifier"),
        ("words", "", "needs words"),
        ("`", "", "needs words, code and a test"),
    ],
)
def test_a_row_that_is_not_so_is_found(old: str, new: str, told: str) -> None:
    (found, *_) = problems(read_controls(ROW.replace(old, new)), ROOT)
    assert told in found


def test_a_row_that_stands_twice_is_found() -> None:
    assert problems(read_controls(f"{ROW}\n{ROW}"), ROOT) == ["V1.2.3: stands 2 times"]


def test_a_row_with_a_missing_cell_is_an_error() -> None:
    with pytest.raises(ValueError, match="not four cells"):
        read_controls("| V1.2.3 | words | `app/errors.py::ServiceError` |")
