"""Pulling a later template into a project generated long ago, with cruft, as the guide says."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from bake import BODY
from tests.rendered import read_project
from tests.running import GIT_IDENTITY, Outcome, run

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS = {
    "project_name": 'It\'s "quoted" \\ 🚀',
    "description": "100% `ours` & <yours> { curly } #1",
    "author_email": "o'brien@example.com",
    "api_domain": "api.example.org",
}
VENDORED = "app/docs/static/swagger-ui"
PICTURE = "favicon-32x32.png"
SECRETS = {".env": "AUTHENTICATION__KEY=mine\n", "var/ca/key.pem": "mine\n"}


class Workshop:
    """A template and a project made from it, both under git."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        shutil.copytree(template, self.template)
        self.body = self.template / BODY.name
        self.commit(self.template, "first version", init=True)
        answers = json.dumps(ANSWERS)
        create = ("create", str(self.template), "--no-input", "--extra-context", answers)
        created = self.cruft(*create, cwd=folder)
        assert created.status == 0, created.output
        (self.project,) = (item.parent for item in folder.glob("*/.cruft.json"))
        self.created = created.output

    def run(self, *command: str, cwd: Path) -> Outcome:
        """Run a command in a home of its own, whose temporary files lie beside the project."""
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        home = {"HOME": str(self.folder / "home"), "TMPDIR": str(scratch)}
        return run(*command, cwd=cwd, env=GIT_IDENTITY | home)

    def cruft(self, *arguments: str, cwd: Path) -> Outcome:
        """Run cruft."""
        return self.run(sys.executable, "-m", "cruft", *arguments, cwd=cwd)

    def commit(self, where: Path, message: str, *, init: bool = False) -> None:
        """Commit all there is."""
        commands = [["init", "--quiet", "--initial-branch=main"]] if init else []
        commands += [["add", "--all"], ["commit", "--quiet", "--message", message]]
        for command in commands:
            done = self.run("git", *command, cwd=where)
            assert done.status == 0, done.output


@pytest.fixture
def workshop(template: Path, tmp_path: Path) -> Workshop:
    """Return a project that has been generated with cruft and worked on."""
    workshop = Workshop(template, tmp_path)
    workshop.commit(workshop.project, "generated", init=True)
    for name, content in SECRETS.items():
        path = workshop.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return workshop


def test_the_answers_cruft_keeps_are_the_four_and_no_secret(workshop: Workshop) -> None:
    kept = json.loads((workshop.project / ".cruft.json").read_text(encoding="utf-8"))
    answers = kept["context"]["cookiecutter"]
    assert {name: answers[name] for name in answers if not name.startswith("_")} == ANSWERS
    tracked = workshop.run("git", "ls-files", cwd=workshop.project).output.splitlines()
    assert not set(SECRETS) & set(tracked)
    assert "git: left to you" in workshop.created


def test_an_update_brings_what_is_new_and_keeps_what_is_ours(workshop: Workshop) -> None:
    project, body = workshop.project, workshop.body
    ours = project / "app" / "ours.py"
    ours.write_text('"""Our own domain."""\n', encoding="utf-8")
    with (project / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("\nA line of our own.\n")
    workshop.commit(project, "our work")

    (body / "app" / "brought.py").write_text('"""New."""\n', encoding="utf-8")
    main = body / "app" / "main.py"
    main.write_text(main.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    pyproject = body / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(text.replace('version = "0.1.0"', 'version = "0.2.0"'), encoding="utf-8")
    vendored = {
        name: (body / VENDORED / name).read_bytes() + addition
        for name, addition in (
            ("swagger-ui-bundle.js", b"\n// {{ newer }}\n"),
            (PICTURE, b"\0\xff"),
        )
    }
    for name, raw in vendored.items():
        (body / VENDORED / name).write_bytes(raw)
    workshop.commit(workshop.template, "second version")

    updated = workshop.cruft("update", "--skip-apply-ask", cwd=project)
    assert updated.status == 0, updated.output
    assert "The project is in" not in updated.output, "the hook speaks of a temporary folder"
    assert list(project.rglob("*.rej")) == []
    assert (project / "app" / "brought.py").exists()
    for name, raw in vendored.items():
        assert (project / VENDORED / name).read_bytes() == raw
    assert (project / "app" / "main.py").read_text(encoding="utf-8").endswith("# changed\n")
    assert 'version = "0.2.0"' in (project / "pyproject.toml").read_text(encoding="utf-8")
    assert read_project(project)["description"] == ANSWERS["description"]
    assert ours.exists()
    assert (project / "README.md").read_text(encoding="utf-8").endswith("A line of our own.\n")
    for name, content in SECRETS.items():
        assert (project / name).read_text(encoding="utf-8") == content

    workshop.commit(project, "updated")
    assert workshop.cruft("check", cwd=project).status == 0


def test_an_update_to_the_same_version_changes_nothing(workshop: Workshop) -> None:
    (workshop.template / "README.md").write_text("not part of the body\n", encoding="utf-8")
    workshop.commit(workshop.template, "outside the body")
    assert workshop.cruft("update", "--skip-apply-ask", cwd=workshop.project).status == 0
    changed = workshop.run("git", "status", "--porcelain", cwd=workshop.project).output
    assert changed == " M .cruft.json\n"
