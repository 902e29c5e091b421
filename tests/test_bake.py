"""What is baked: the body, whole and unharmed, clean by its own linters, wherever it is put."""

from __future__ import annotations

import filecmp
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from bake import KEPT, ROOT, bake, bake_again, slug
from tests.rendered import HOLDS_JINJA, JINJA, read_project
from tests.running import GIT_IDENTITY, run
from tests.test_purity import body_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

MADE_BY_INSTALLING = {".venv", ".git", "__pycache__"}


def files_of(project: Path) -> list[str]:
    paths = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not MADE_BY_INSTALLING & set(path.parts))


@pytest.fixture
def fresh(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project baked for one test, as a person with git gets it."""
    for name, value in GIT_IDENTITY.items():
        monkeypatch.setenv(name, value)
    return bake(template, tmp_path / "it's a täst")


def test_nothing_is_missing_and_nothing_is_added(fresh: Path) -> None:
    assert files_of(fresh) == body_files()


def test_what_is_copied_is_the_same_to_the_byte_and_the_mode(fresh: Path, template: Path) -> None:
    (body,) = (item for item in template.iterdir() if "{{" in item.name)
    copied = [name for name in body_files() if name not in HOLDS_JINJA]
    _, differing, unreadable = filecmp.cmpfiles(body, fresh, copied, shallow=False)
    assert (differing, unreadable) == ([], [])
    modes = {name: stat.S_IMODE((body / name).stat().st_mode) for name in body_files()}
    assert {name: stat.S_IMODE((fresh / name).stat().st_mode) for name in body_files()} == modes


@pytest.mark.parametrize("name", HOLDS_JINJA)
def test_no_jinja_is_left_in_a_rendered_file(fresh: Path, name: str) -> None:
    assert not JINJA.search((fresh / name).read_text(encoding="utf-8"))


def test_the_project_says_what_the_default_answers_say(fresh: Path) -> None:
    said = read_project(fresh)
    assert said["slug"] == fresh.name == "hardened-fastapi-service"
    assert said["description"] == "A FastAPI service, hardened in ten layers"
    assert said["author_email"] == "team@example.com"


def test_the_first_commit_holds_all_of_it(fresh: Path) -> None:
    assert run("git", "status", "--porcelain", "--ignored", cwd=fresh).output == ""
    tracked = run("git", "-c", "core.quotePath=false", "ls-files", cwd=fresh).output
    assert sorted(tracked.splitlines()) == body_files()


def test_its_own_formatter_and_linter_find_nothing(fresh: Path) -> None:
    ruff = (sys.executable, "-m", "ruff")
    formatted = run(*ruff, "format", "--no-cache", "--diff", ".", cwd=fresh)
    assert formatted.status == 0, formatted.output
    linted = run(*ruff, "check", "--no-cache", ".", cwd=fresh)
    assert linted.status == 0, linted.output


@pytest.mark.timeout(900)
def test_its_own_type_checker_finds_nothing(installed: Project, tmp_path: Path) -> None:
    checked = run(
        installed.python, "-m", "mypy", "--cache-dir", tmp_path, cwd=installed.folder, seconds=600
    )
    assert checked.status == 0, checked.output
    assert checked.output.startswith("Success: no issues found in ")


@pytest.mark.timeout(600)
def test_what_the_benchmark_runs_in_its_python_is_typed(installed: Project, tmp_path: Path) -> None:
    mypy = (installed.python, "-m", "mypy", "--cache-dir", tmp_path)
    config = ("--config-file", installed.folder / "pyproject.toml")
    applications = ROOT / "benchmarks" / "applications"
    env = {"MYPYPATH": str(installed.folder)}
    checked = run(*mypy, *config, applications, cwd=installed.folder, env=env, seconds=500)
    assert checked.status == 0, checked.output


def test_baking_again_keeps_what_is_the_users_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no git"))
    project = bake_again(tmp_path)
    for name in KEPT:
        (project / name).mkdir()
        (project / name / "mine").write_text("mine", encoding="utf-8")
    (project / "app" / "stale.py").write_text("", encoding="utf-8")
    (project / "stale").mkdir()
    lock = project / "requirements" / "dev.lock"
    made = lock.stat().st_mtime_ns
    assert bake_again(tmp_path) == project
    assert all((project / name / "mine").read_text(encoding="utf-8") == "mine" for name in KEPT)
    assert lock.stat().st_mtime_ns == made, "an environment made from this lock would look stale"
    kept = [name for name in files_of(project) if name.partition("/")[0] not in KEPT]
    assert kept == body_files()


def test_the_makefile_looks_for_the_demo_where_it_is_baked(template: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"$(DEMO)/{slug(template)} run" in makefile
