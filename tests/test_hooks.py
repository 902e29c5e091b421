"""The hooks: answers enter them as data only, and generation never fails for want of a tool."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.utils import create_env_with_context
from hypothesis import given, settings
from hypothesis import strategies as st

from bake import ROOT
from tests.answers import hostile_text
from tests.hooks import load_hook
from tests.rendered import JINJA
from tests.running import GIT_IDENTITY, NO_GIT_IDENTITY, Outcome, run

HOOKS = sorted((ROOT / "hooks").glob("*.py"))
POST_GEN = load_hook("post_gen_project")
POST_GEN_FILE = ROOT / "hooks" / "post_gen_project.py"
anything = st.one_of(hostile_text, st.text(), st.none(), st.booleans(), st.lists(hostile_text))


def render(hook: Path, context: dict[str, Any]) -> str:
    """Render a hook as Cookiecutter does."""
    source = hook.read_text(encoding="utf-8")
    return str(create_env_with_context(context).from_string(source).render(**context))


def without_answers(source: str) -> tuple[str, list[Any]]:
    """Return a hook's syntax tree with its one JSON text taken out, and what that text says."""
    tree = ast.parse(source)
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "main"
        and isinstance(node.args[0], ast.Constant)
    ]
    texts = [call.args[0].value for call in found if isinstance(call.args[0], ast.Constant)]
    for call in found:
        call.args = []
    return ast.dump(tree), texts


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.name)
def test_a_hook_holds_one_expression_of_jinja(hook: Path) -> None:
    source = hook.read_text(encoding="utf-8")
    assert len(JINJA.findall(source)) == 1
    assert " | tojson }}'" in source


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.name)
@given(answers=st.dictionaries(st.sampled_from(["project_name", "description"]), anything))
@settings(max_examples=200, deadline=None)
def test_no_answer_changes_what_a_hook_does(hook: Path, answers: dict[str, Any]) -> None:
    # Lone surrogates and every kind of quote included: whatever Python calls a string.
    rendered = render(hook, {"cookiecutter": answers, "_cookiecutter": answers})
    program, texts = without_answers(rendered)
    assert program == without_answers(hook.read_text(encoding="utf-8"))[0]
    (text,) = texts
    assert text.isascii()
    told = json.loads(text)
    assert told == ([answers, answers] if "pre_gen" in hook.name else answers)


def test_without_the_answers_as_given_those_rendered_are_checked() -> None:
    # Cruft generates without Cookiecutter's `_cookiecutter`.
    rendered = render(ROOT / "hooks" / "pre_gen_project.py", {"cookiecutter": {"a": "b"}})
    assert without_answers(rendered)[1] == ['[{"a": "b"}, {}]']


def finish(folder: Path, env: dict[str, str], answers: dict[str, str] | None = None) -> Outcome:
    """Run the rendered hook in a folder, as Cookiecutter would."""
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch, "post_gen_project.py")
        script.write_text(render(POST_GEN_FILE, {"cookiecutter": answers or {}}), encoding="utf-8")
        return run(sys.executable, script, cwd=folder, env=env)


def project_in(folder: Path, name: str = "a project") -> Path:
    project = folder / name
    project.mkdir()
    (project / "file").write_text("content\n", encoding="utf-8")
    return project


def test_with_git_and_an_identity_there_is_a_first_commit(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    outcome = finish(project, GIT_IDENTITY)
    assert outcome.status == 0
    assert "git: a new repository with a first commit." in outcome.output
    assert run("git", "status", "--porcelain", cwd=project).output == ""
    assert run("git", "log", "--format=%an %s", cwd=project).output == (
        "Template Tests Generate the project\n"
    )


def test_without_an_identity_there_is_a_repository_and_a_hint(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    outcome = finish(project, NO_GIT_IDENTITY)
    assert outcome.status == 0
    assert "set user.name and user.email" in outcome.output
    assert run("git", "status", "--porcelain", cwd=project).output == "?? file\n"


def test_without_git_the_project_is_whole_and_says_so(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    outcome = finish(project, {"PATH": str(tmp_path / "nothing")})
    assert outcome.status == 0
    assert "git: not installed" in outcome.output
    assert "make run" in outcome.output
    assert [item.name for item in project.iterdir()] == ["file"]


def test_inside_a_repository_nothing_is_done_to_it(tmp_path: Path) -> None:
    run("git", "init", "--quiet", cwd=tmp_path, env=GIT_IDENTITY)
    project = project_in(tmp_path)
    outcome = finish(project, GIT_IDENTITY)
    assert "inside a repository already" in outcome.output
    assert [item.name for item in project.iterdir()] == ["file"]


def test_git_variables_of_a_surrounding_hook_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run("git", "init", "--quiet", cwd=elsewhere, env=GIT_IDENTITY)
    project = project_in(tmp_path)
    finish(project, GIT_IDENTITY | {"GIT_DIR": str(elsewhere / ".git")})
    assert (project / ".git").is_dir()
    assert run("git", "log", cwd=elsewhere).status != 0


def test_a_failing_git_is_one_line_and_no_failure(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    (tools / "git").chmod(0o755)
    outcome = finish(project_in(tmp_path), {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
    assert outcome.status == 0
    assert "git: `git init` failed" in outcome.output


def test_a_step_that_fails_is_named_and_the_next_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def hang(_project: object) -> str:
        raise subprocess.TimeoutExpired("git", 60)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(POST_GEN, "STEPS", (hang, POST_GEN.say_what_is_next))
    POST_GEN.main("{}")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "hang: TimeoutExpired; the project is complete without it."
    assert any("make test" in line for line in rest)


def test_what_to_do_next_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    project = project_in(tmp_path, "it's $(here)")
    outcome = finish(project, NO_GIT_IDENTITY)
    (command,) = (line for line in outcome.output.splitlines() if line.startswith("  cd "))
    assert run("sh", "-c", f"{command.strip()} && pwd", cwd=tmp_path).output == f"{project}\n"


def test_cruft_keeps_the_repository_to_itself(tmp_path: Path) -> None:
    # Below the temporary folder, as here, it is an update, which compares two silent copies.
    project = project_in(tmp_path)
    scratch = {"TMPDIR": str(tmp_path)}
    assert finish(project, GIT_IDENTITY | scratch, {"_commit": "abc"}) == Outcome(0, "")
    (tmp_path / "elsewhere").mkdir()
    aside = {"TMPDIR": str(tmp_path / "elsewhere")}
    created = finish(project, GIT_IDENTITY | aside, {"_commit": "abc"})
    assert "git: left to you" in created.output
    assert [item.name for item in project.iterdir()] == ["file"]
