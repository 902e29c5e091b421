"""Generates a project from this working tree, as Cookiecutter does for a user of the template.

`python bake.py build` bakes the default project into `build/`. Baked again, the project keeps what
belongs to the person who runs it (`KEPT`), so that `make demo` neither installs nor makes
certificates twice.

What is baked is a clean copy: caches and environments that working in the body leaves there are not
part of the template.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cookiecutter.generate import generate_context
from cookiecutter.main import cookiecutter
from cookiecutter.prompt import prompt_for_config

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent
BODY = ROOT / "{{cookiecutter.__project_slug}}"
KEPT = frozenset({".venv", ".venv-scan", ".env", "var"})
LITTER = shutil.ignore_patterns(
    *KEPT,
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "build",
    "*.egg-info",
    "*.pyc",
)


def copy_template(target: Path) -> Path:
    """Copy what the template consists of into a new folder, without the litter of working on it."""
    target.mkdir(parents=True)
    shutil.copy2(ROOT / "cookiecutter.json", target)
    for folder in (ROOT / "hooks", BODY):
        shutil.copytree(folder, target / folder.name, ignore=LITTER)
    return target


def bake(
    template: Path,
    target: Path,
    answers: Mapping[str, object] | None = None,
    *,
    again: bool = False,
) -> Path:
    """Generate a project below `target`; return its folder. The user's own settings play no part.

    Args:
        template: what `copy_template` returned.
        target: the folder in which the project's folder is made.
        answers: to the questions; the defaults for those not given.
        again: write over what is there.

    Raises:
        cookiecutter.exceptions.CookiecutterException: an answer was refused, or the folder exists.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch, "config.json")  # YAML holds JSON
        config.write_text(
            json.dumps(
                {
                    "cookiecutters_dir": str(Path(scratch, "templates")),
                    "replay_dir": str(Path(scratch, "replay")),
                    "default_context": {},
                }
            ),
            encoding="utf-8",
        )
        folder = cookiecutter(
            str(template),
            no_input=True,
            extra_context=dict(answers or {}),
            output_dir=str(target),
            config_file=str(config),
            overwrite_if_exists=again,
        )
    return Path(folder)


def slug(template: Path) -> str:
    """Return the folder's name that Cookiecutter derives from the default answers."""
    context = generate_context(str(template / "cookiecutter.json"))
    return str(prompt_for_config(context, no_input=True)["__project_slug"])


def clear(project: Path) -> None:
    """Remove what an earlier bake left in a project, except what belongs to its user."""
    for item in project.iterdir() if project.is_dir() else ():
        if item.name in KEPT:
            continue
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        else:
            item.unlink()


def bake_again(target: Path) -> Path:
    """Bake the default project below `target`, over an earlier one if there is one.

    The locks keep their times, so that an environment made from the same lock is still fresh.
    """
    with tempfile.TemporaryDirectory() as scratch:
        template = copy_template(Path(scratch, "template"))
        clear(target / slug(template))
        project = bake(template, target, again=True)
    for lock in (BODY / "requirements").iterdir():
        times = lock.stat()
        os.utime(project / "requirements" / lock.name, ns=(times.st_atime_ns, times.st_mtime_ns))
    return project


def main() -> int:
    """Bake as the command line says."""
    parser = argparse.ArgumentParser(description="Generate the default project.")
    parser.add_argument("target", type=Path, help="the folder to generate it in, such as build")
    target: Path = parser.parse_args().target
    bake_again(target.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
