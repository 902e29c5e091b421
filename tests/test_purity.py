"""What stands in the template is the product: plain Python, little Jinja, no private matter.

These tests read the source as it is, so they need no baked project and are part of `make check`.
"""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from bake import BODY, LITTER, ROOT
from tests.rendered import EXPRESSION, HOLDS_JINJA, JINJA
from tests.running import run

FOR_COOKIECUTTER = re.compile(r"\{[{%#][^}]*cookiecutter")
PRIVATE = re.compile(
    r"""
    (?:/root/|/home/|/Users/)\w+                # somebody's machine
    | (?:index-url|find-links|trusted-host)\b    # where one network gets its packages
    | PRIVATE\ KEY-----\s+[A-Za-z0-9+/]{40}       # a secret
    | \bAKIA(?!\w*EXAMPLE)[0-9A-Z]{16}\b
    """,
    re.VERBOSE,
)


def body_files() -> list[str]:
    """Return every file of the body, litter aside, relative to it."""
    found = []
    for folder, names, files in os.walk(BODY):
        ignored = LITTER(folder, [*names, *files])
        names[:] = sorted(set(names) - ignored)
        found += [Path(folder, name).relative_to(BODY) for name in set(files) - ignored]
    return sorted(path.as_posix() for path in found)


def source_files() -> list[Path]:
    """Return every file of the repository that is text, the body's included."""
    own = [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and path.relative_to(ROOT).parts[0] not in {".git", ".venv", "build", BODY.name}
        and not set(path.parts) & {"__pycache__", ".hypothesis", ".ruff_cache", ".mypy_cache"}
    ]
    return [path for path in [*own, *(BODY / name for name in body_files())] if text(path)]


@cache
def text(path: Path) -> str:
    """Return a file's text, or nothing when it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def copied_patterns() -> tuple[str, ...]:
    context = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    return tuple(context["_copy_without_render"])


def is_copied(path: str) -> bool:
    """Say whether Cookiecutter copies this path of the body as it stands."""
    return any(fnmatch.fnmatch(path, pattern) for pattern in copied_patterns())


def test_no_python_file_of_the_body_holds_jinja() -> None:
    python = [name for name in body_files() if name.endswith((".py", ".pyi"))]
    assert len(python) > 20
    assert [name for name in python if FOR_COOKIECUTTER.search(text(BODY / name))] == []
    for name in python:
        ast.parse(text(BODY / name), name)


def test_only_the_last_line_of_a_hook_does() -> None:
    for hook in sorted((ROOT / "hooks").glob("*.py")):
        *rest, last = text(hook).splitlines()
        assert not JINJA.search("\n".join(rest))
        assert JINJA.search(last)


def test_the_files_that_hold_jinja_are_those_of_the_list() -> None:
    holding = {name for name in body_files() if FOR_COOKIECUTTER.search(text(BODY / name))}
    assert holding == set(HOLDS_JINJA)


@pytest.mark.parametrize("name", HOLDS_JINJA)
def test_a_rendered_file_names_only_the_variables_of_its_list(name: str) -> None:
    source = text(BODY / name)
    assert {match[1] for match in EXPRESSION.finditer(source)} == HOLDS_JINJA[name]
    assert not JINJA.search(EXPRESSION.sub("", source)), "expressions only: no logic, no comments"


def test_every_other_file_is_copied_as_it_stands() -> None:
    assert {name for name in body_files() if not is_copied(name)} == set(HOLDS_JINJA)


def test_no_folder_is_copied_as_a_whole() -> None:
    # Cookiecutter deletes such a folder first, with what a user who bakes again has put into it.
    folders = {parent.as_posix() for name in body_files() for parent in Path(name).parents}
    assert [folder for folder in folders if is_copied(folder)] == []


def test_no_file_name_holds_what_a_file_system_refuses() -> None:
    # Windows: no reserved characters, no two names that differ by case only, no symbolic links.
    names = body_files()
    assert [name for name in names if re.search(r'[<>:"\\|?*{}]|[. ]$', name)] == []
    assert len({name.lower() for name in names}) == len(names)
    assert [name for name in names if (BODY / name).is_symlink()] == []


def test_nothing_of_the_body_is_ignored_by_git() -> None:
    # An ignored file is here, is tested here, and is missing in every clone.
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: there is nothing that could be left out of it")
    paths = [f"{BODY.name}/{name}" for name in body_files()]
    assert run("git", "check-ignore", "--no-index", *paths, cwd=ROOT).output == ""


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_tells_of_the_machine_it_was_written_on(path: Path) -> None:
    if path == Path(__file__):
        return  # it holds the patterns
    assert PRIVATE.findall(text(path)) == []


@pytest.mark.parametrize("name", ["ruff", "mypy"])
def test_the_template_is_linted_by_the_versions_of_the_generated_project(name: str) -> None:
    pin = re.compile(rf"^{name}==(\S+)", re.MULTILINE)
    ours, theirs = (
        pin.search(text(folder / "requirements" / "dev.lock")) for folder in (ROOT, BODY)
    )
    assert ours is not None
    assert theirs is not None
    assert ours[1] == theirs[1]


@pytest.mark.parametrize(
    "path",
    [
        *(ROOT / "requirements" / f"{name}.lock" for name in ("base", "dev")),
        *(BODY / "requirements" / f"{name}.lock" for name in ("base", "dev", "scan", "scan-build")),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_line_of_a_lock_is_a_version_or_its_hash(path: Path) -> None:
    lock = text(path)
    line = re.compile(
        r"""
        [a-z0-9.-]+(?:\[[a-z0-9,-]+\])?==\S+(?:\s;\s[^\\]+)?\ \\   # a version, for some machines
        | \ \ \ \ --hash=sha256:[0-9a-f]{64}(?:\ \\)?
        | \ *\#.*
        """,
        re.VERBOSE,
    )
    assert [found for found in lock.splitlines() if not line.fullmatch(found)] == []
