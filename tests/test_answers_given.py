"""Answers given to the real command: what is refused leaves nothing, the rest arrives unharmed."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from bake import bake
from tests.answers import QUESTIONS, accepted_text, generate, refusals
from tests.rendered import HOLDS_JINJA, read_project
from tests.running import NO_GIT_IDENTITY, Outcome, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def slim(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template with only the files that are rendered, for tests that bake often."""
    folder = tmp_path_factory.mktemp("slim")
    shutil.copy2(template / "cookiecutter.json", folder)
    shutil.copytree(template / "hooks", folder / "hooks")
    body = next(item for item in template.iterdir() if "{{" in item.name)
    (folder / body.name).mkdir()
    for name in HOLDS_JINJA:
        if (body / name).exists():
            shutil.copy2(body / name, folder / body.name)
    return folder


REFUSED = [
    ("project_name", "{{ 7 * 7 }}"),
    ("project_name", "!!!"),
    ("description", "bell\x07"),
    ("author_email", "nobody"),
    ("api_domain", "https://x"),
]


def assert_refused(outcome: Outcome, field: str, target: Path) -> None:
    """Assert that one line names the field, and that nothing was generated."""
    assert outcome.status == 1
    (told,) = (line for line in outcome.output.splitlines() if "is refused; allowed: " in line)
    assert f"{field}: " in told
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(("field", "value"), [*REFUSED, ("__project_slug", "../escaped")])
def test_a_refused_argument_leaves_nothing_behind(
    slim: Path, tmp_path: Path, field: str, value: str
) -> None:
    outcome = generate(slim, tmp_path / "out", {field: value}, None)
    assert_refused(outcome, field, tmp_path / "out")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_a_refused_typed_answer_leaves_nothing_behind(
    slim: Path, tmp_path: Path, field: str, value: str
) -> None:
    typed = "".join(f"{value if field == name else ''}\n" for name in QUESTIONS)
    assert_refused(generate(slim, tmp_path / "out", {}, typed), field, tmp_path / "out")


HOSTILE_BUT_ALLOWED = [
    'Quotes "double" \'single\' `back` and """three"""',
    "Back\\slashes \\n \\u0022 \\",
    "Shell $(touch canary) `touch canary` ${HOME} ; touch canary & | > canary",
    "Python ''' + __import__('os').system('touch canary') + '''",
    "Markup </script><script>alert(1)</script> <!-- --> &amp; ]]>",
    "TOML = [x] # no comment { a = 1 }",
    "YAML: - &anchor *alias !!python/object %TAG @at",
    "Percent %s %(name)s %% and braces { } }} %} { {",
    "Unicode ünï 日本 🚀 👩\u200d🚀 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
]


@pytest.mark.parametrize("value", HOSTILE_BUT_ALLOWED)
@pytest.mark.parametrize("by_hand", [False, True], ids=["argument", "typed"])
def test_a_hostile_answer_arrives_as_it_was_given_and_runs_nothing(
    slim: Path, tmp_path: Path, value: str, *, by_hand: bool
) -> None:
    target = tmp_path / "out"
    answers = {"project_name": value[:80].strip(), "description": value}
    typed = "\n".join([*answers.values(), "", "", ""]) if by_hand else None
    outcome = generate(slim, target, {} if by_hand else answers, typed)
    assert outcome.status == 0, outcome.output
    (project,) = target.iterdir()
    said = read_project(project)
    assert said["description"] == value
    assert said["slug"] == project.name
    if "README.md" in said:
        assert answers["project_name"] in said["README.md"]
    assert not list(tmp_path.rglob("canary"))


@given(name=accepted_text, description=accepted_text)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_accepted_answers_leave_valid_files(
    slim: Path, tmp_path: Path, name: str, description: str
) -> None:
    answers = {"project_name": name, "description": description}
    assert refusals(answers) == []
    target = tmp_path / "out"
    shutil.rmtree(target, ignore_errors=True)
    said = read_project(bake(slim, target, answers))
    assert said["description"] == answers["description"]
    if "README.md" in said:
        assert answers["project_name"] in said["README.md"]
    assert not list(tmp_path.rglob("canary"))


def test_a_broken_template_in_an_argument_stops_cookiecutter_itself(
    slim: Path, tmp_path: Path
) -> None:
    # It renders the answers of its command line before any hook: only it can be the one to refuse.
    outcome = generate(slim, tmp_path / "out", {"description": "{% raw %}"}, None)
    assert outcome.status == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_the_replay_file_holds_the_answers_and_gives_the_same_project(
    slim: Path, tmp_path: Path
) -> None:
    answers = {
        "project_name": 'Re "play" \\',
        "description": "{ curly }",
        "api_domain": "a.example",
    }
    assert generate(slim, tmp_path / "one", answers, None).status == 0
    (replay,) = (tmp_path / "replay").iterdir()
    kept = json.loads(replay.read_text(encoding="utf-8"))["cookiecutter"]
    assert {name for name in kept if not name.startswith("_")} == set(QUESTIONS)
    command: list[str | Path] = [sys.executable, "-m", "cookiecutter", slim, "-o", tmp_path / "two"]
    command += ["--config-file", tmp_path / "cookiecutter.json", "--replay"]
    assert run(*command, cwd=tmp_path, env=NO_GIT_IDENTITY).status == 0
    (one,), (two,) = ((tmp_path / name).iterdir() for name in ("one", "two"))
    assert read_project(one) == read_project(two)
