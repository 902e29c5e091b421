"""The files of the body that hold Jinja, as data, and how each is read once it is rendered.

Everything else is copied as it stands (`_copy_without_render`). A file joins this list for a reason
only: what it says must be the user's own words from the first commit on.
"""

from __future__ import annotations

import html
import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOLDS_JINJA = {
    ".env.example": {"api_domain"},
    "README.md": {"project_name", "description"},
    "pyproject.toml": {"__project_slug", "__description_quoted", "author_email"},
}
"""File → the variables it may name."""

EXPRESSION = re.compile(r"\{\{-?\s*cookiecutter\.(\w+)[^}]*\}\}")
"""One rendered variable."""

JINJA = re.compile(r"\{\{|\{%|\{#")
"""Whatever Jinja would act on."""

ENV_LINE = re.compile(r"(?:#.*|[A-Z][A-Z0-9_]*=[A-Za-z0-9.,:/@+_-]*|)")
"""What a line of `.env.example` may be; values that need quotes have no place there."""


def read_project(project: Path) -> dict[str, str]:
    """Return what a baked project says of itself, read by each format's own parser.

    Raises:
        ValueError: a file is no longer what its name says, such as invalid TOML.
    """
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = {
        "slug": told["name"],
        "description": told["description"],
        "author_email": told["authors"][0]["email"],
    }
    if (project / ".env.example").exists():
        settings = (project / ".env.example").read_text(encoding="utf-8")
        for line in settings.splitlines():
            if ENV_LINE.fullmatch(line) is None:
                raise ValueError(f".env.example: {line!r}")
        said[".env.example"] = settings
    if (project / "README.md").exists():
        said["README.md"] = html.unescape((project / "README.md").read_text(encoding="utf-8"))
    return said
