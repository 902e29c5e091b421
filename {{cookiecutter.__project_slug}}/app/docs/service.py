"""What the docs consist of: the page's files, read once, and the API's description."""

from __future__ import annotations

import hashlib
import html
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from pydantic import BaseModel, Field

from app.layers.authorization import Authenticated, policies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI

STATIC = Path(__file__).resolve().parent / "static"
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
"""Beside `app`, where there is one: a container may hold the package alone."""
PAGE = "index.html"
TITLE = b"<title>API</title>"
HOW_TO_AUTHORIZE = (
    "To authorize: log in with `POST /api/v1/accounts/login`, copy `access_token` from the answer, "
    "press **Authorize** and paste it."
)
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".png": "image/png",
}
BEARER = "bearer"
PROBLEM = "Problem"
FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")
"""What FastAPI believes a refused body is answered with; here that is a problem too."""


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


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    finding = {"type": "object", "properties": {"field": text, "rule": text}}
    properties: dict[str, Any] = {
        "type": text | {"examples": ["urn:problem:not-found"]},
        "title": text,
        "status": {"type": "integer"},
        "detail": text,
        "request_id": text | {"description": "Finds the line in the service's log."},
    }
    required = list(properties)
    errors = {"type": "array", "items": finding, "description": "What broke which rule."}
    return {
        "type": "object",
        "description": "RFC 9457",
        "properties": properties | {"errors": errors},
        "required": required,
    }


def describe(app: FastAPI, about: About) -> dict[str, Any]:
    """Return the description, with what FastAPI can't know: who may call, and how errors look.

    An operation asks for a bearer token if its access type does, so the two can't differ. It is
    summed up by the first line of its docstring instead of its function's name, and described by
    the others: those lines are for whoever calls the API.
    """
    document = app.openapi()
    paragraphs = [part for part in (about.description, HOW_TO_AUTHORIZE) if part]
    document["info"] |= {"title": about.title, "description": "\n\n".join(paragraphs)}
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in FASTAPIS_OWN:
        schemas.pop(name, None)
    schemas[PROBLEM] = _problem_schema()
    components["securitySchemes"] = {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` that a login returns.",
        }
    }
    content = {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}}
    asked = policies(app)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if isinstance(asked.get(f"{method.upper()} {path}"), Authenticated):
                operation["security"] = [{BEARER: []}]
            first, _, rest = operation.pop("description", "").partition("\n")
            if first:
                operation["summary"] = first.rstrip(".")
            if rest.strip():
                operation["description"] = rest.strip()
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "A problem", "content": content}
    return document


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
