"""What the docs consist of: the page's files, read once, and the API's description."""

from __future__ import annotations

import hashlib
import html
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson
from pydantic import BaseModel, Field

from app.docs.describe import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI

STATIC = Path(__file__).resolve().parent / "static"
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
"""Beside `app`, where there is one: a container may hold the package alone."""
PAGE = "index.html"
TITLE = b"<title>API</title>"
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Docs:
    """All that is served; a name that is not among the assets is not there."""

    page: Asset
    assets: dict[str, Asset]
    document: Asset


def _asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, f'"{hashlib.sha256(content).hexdigest()}"')


def load_assets(folder: Path) -> dict[str, Asset]:
    """Return the files below this folder by their names, which must all differ.

    Raises:
        OSError: a file can't be read.
    """
    return {
        path.name: _asset(path.read_bytes(), MEDIA_TYPES.get(path.suffix, "text/plain"))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class _Project(BaseModel):
    """The table `[project]`; a name is as PyPA's core metadata has it."""

    name: str = Field(pattern="^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
    description: str = ""


class _ProjectFile(BaseModel):
    project: _Project


class About(NamedTuple):
    """What the service is called, and what it is for."""

    title: str
    description: str = ""


def read_about(project: Path, service_name: str) -> About:
    """Return the name and description that a pyproject.toml gives, else the service's name alone.

    A file that is not there, can't be read or has no valid name tells nothing: the template's own
    source has a placeholder in that place.
    """
    try:
        found = _ProjectFile.model_validate(tomllib.loads(project.read_text("utf-8"))).project
    except (OSError, ValueError):
        return About(service_name)
    return About(found.name, found.description)


def matches(etag: str, if_none_match: Iterable[str]) -> bool:
    """Whether a browser has this version already (RFC 9110 §13.1.2, weak comparison)."""
    stored = [item.strip().removeprefix("W/") for line in if_none_match for item in line.split(",")]
    return etag in stored or "*" in stored


def open_docs(app: FastAPI) -> Docs:
    """Return the docs of an application whose routes are all there.

    Raises:
        OSError: a file of the page can't be read.
    """
    about = read_about(PROJECT, app.title)
    title = f"<title>{html.escape(about.title)}</title>".encode()
    assets = load_assets(STATIC)
    page = assets.pop(PAGE)
    titled = _asset(page.content.replace(TITLE, title), page.media_type)
    return Docs(titled, assets, _asset(orjson.dumps(describe(app, about)), "application/json"))
