"""Answers for tests: hostile ones, and the ways to give them to Cookiecutter."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from hypothesis import strategies as st

from bake import ROOT
from tests.hooks import load_hook
from tests.running import NO_GIT_IDENTITY, Outcome, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PRE_GEN = load_hook("pre_gen_project")
QUESTIONS = ("project_name", "description", "author_email", "api_domain")
WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{d}{n}" for d in ("com", "lpt") for n in "123456789"
}

# Pieces that mean something to a shell, to Python, TOML, YAML, HTML, Markdown or a terminal.
HOSTILE_PIECES = (
    *"\"'`\\$(){}[]<>&|;#%!*_~=,:@/. \t\n\r\x00\x1b\x7f\x85\u2028\u2029\u202e\u200f\ufeff",
    '"""',
    "'''",
    "$(touch canary)",
    "`touch canary`",
    "; touch canary;",
    '")\n__import__("os").system("touch canary")\n("',
    "</script><script>",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{# #}",
    "\\u0022",
    "\\N{DIGIT ONE}",
    "%(name)s",
    "${HOME}",
    "🚀",
    "é",
)
hostile_text = st.lists(
    st.one_of(st.sampled_from(HOSTILE_PIECES), st.text(max_size=5)), max_size=8
).map("".join)


def tamed(text: str) -> str:
    """Return a hostile text without what is refused, so that the rest of it gets through."""
    visible = "".join(character for character in text if not PRE_GEN.is_hidden(character))
    return re.sub(r"\{(?=[{%#])", "", visible).strip()[:80].strip()


accepted_text = hostile_text.map(lambda text: tamed(f"A{text}"))


def questions_of(answers: Mapping[str, object]) -> dict[str, Any]:
    """Return what Cookiecutter makes of these answers: the four, and all that it derives."""
    context = generate_context(str(ROOT / "cookiecutter.json"), extra_context=dict(answers))
    return dict(prompt_for_config(context, no_input=True))


def refusals(answers: Mapping[str, object]) -> list[str]:
    lines: list[str] = PRE_GEN.problems(questions_of(answers), dict(answers))
    return lines


def generate(
    template: Path, target: Path, answers: Mapping[str, str], typed: str | None
) -> Outcome:
    """Run the command as a user does, with answers as arguments or typed on its stdin."""
    target.mkdir(exist_ok=True)
    config = target.parent / "cookiecutter.json"
    config.write_text(json.dumps({"replay_dir": str(target.parent / "replay")}), encoding="utf-8")
    command: list[str | Path] = [sys.executable, "-m", "cookiecutter", template, "-o", target]
    command += ["--config-file", config]
    command += [] if typed is not None else ["--no-input"]
    command += [f"{name}={value}" for name, value in answers.items()]
    return run(*command, cwd=target.parent, env=NO_GIT_IDENTITY, answers=typed)
