"""Finishes a generated project: a short list of steps, run in order in the project's folder.

Your own steps go into `STEPS`. A step must not fail the generation, because Cookiecutter then
deletes the project: what it can't do it says in one line, and the project is whole without it. It
must not write anything random or secret either: `make run` in the project makes those, and an
update (`cruft update` runs this file twice, in temporary folders) would see them change.

The only Jinja is in the last line; see `pre_gen_project.py` for why it is safe.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

GIT_SECONDS = 60
"""A signing key that asks for its passphrase must not hold the generation up for ever."""


class Project(NamedTuple):
    """The project just generated."""

    folder: Path
    answers: dict[str, Any]

    @property
    def by_cruft(self) -> bool:
        """Whether cruft generates; only cruft notes the template's commit among the answers."""
        return "_commit" in self.answers

    @property
    def is_scratch(self) -> bool:
        """Whether this is one of the two copies that `cruft update` compares and throws away."""
        return self.by_cruft and Path(tempfile.gettempdir()).resolve() in self.folder.parents


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder and return what it said, whatever its status.

    An identity is only taken from where the person set one, never guessed from the machine's name.

    Raises:
        OSError: there is no git.
        subprocess.TimeoutExpired: it took more than a minute.
    """
    # Inside another repository's hook these point at that repository.
    astray = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"}
    return subprocess.run(
        ["git", "-c", "user.useConfigOnly=true", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in astray},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=GIT_SECONDS,
        check=False,
    )


def why_no_repository(project: Project) -> str | None:
    """Say why this folder is not made a repository, if there is a reason."""
    if project.by_cruft:
        return "left to you, because cruft still adds .cruft.json: git init, add and commit."
    if shutil.which("git") is None:
        return "not installed, so this is no repository yet; later: git init, add and commit."
    if git(project.folder, "rev-parse", "--is-inside-work-tree").stdout.strip() == "true":
        return "this folder is inside a repository already; nothing was done."
    return None


def start_repository(project: Project) -> str | None:
    """Make the folder a git repository with a first commit, so that updates have a clean base."""
    if project.is_scratch:
        return None
    if (reason := why_no_repository(project)) is not None:
        return f"git: {reason}"
    folder = project.folder
    if git(folder, "init", "--quiet", "--initial-branch=main").returncode:
        return "git: `git init` failed; run it yourself to see why."
    if git(folder, "var", "GIT_COMMITTER_IDENT").returncode:
        return "git: an empty repository; set user.name and user.email, then add and commit."
    for arguments in (("add", "--all"), ("commit", "--quiet", "--message", "Generate the project")):
        if git(folder, *arguments).returncode:
            return f"git: `git {arguments[0]}` failed; run it yourself to see why."
    return "git: a new repository with a first commit."


def say_what_is_next(project: Project) -> str | None:
    """Name the commands that come next."""
    if project.is_scratch:
        return None
    here = os.environ.get("PWD") == str(project.folder.parent)
    target = project.folder.name if here else str(project.folder)
    return f"""
The project is in {project.folder}. Next:
  cd {shlex.quote(target)}
  make run     start it on https://localhost:8443
  make test    prove that its defences hold"""


STEPS = (start_repository, say_what_is_next)


def main(answers: str) -> None:
    """Run every step; one that fails is named and the others go on."""
    project = Project(Path.cwd(), json.loads(answers))
    for step in STEPS:
        try:
            line = step(project)
        except (OSError, subprocess.SubprocessError) as error:
            line = f"{step.__name__}: {type(error).__name__}; the project is complete without it."
        if line is not None:
            print(line)


if __name__ == "__main__":
    # A folder's name may hold what the terminal's encoding does not.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    main(r'{{ cookiecutter | tojson }}')  # fmt: skip  # noqa: Q000
