"""What can only be shown with a Docker engine: `make attack NGINX_IMAGE=… TESTS=tests/docker`.

`make test` does not collect this folder (pyproject.toml: norecursedirs), since not every machine
has an engine, or an nginx that speaks HTTP/3.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lone_edge import LoneEdge, lone_edge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack


@pytest.fixture(scope="session")
def image() -> str:
    """The name of the image whose nginx is first in PATH."""
    name = os.environ.get("NGINX_IMAGE")
    assert name, "run these with: make attack NGINX_IMAGE=nginx:1.26 TESTS=tests/docker"
    return name


@pytest.fixture(scope="session")
def edge(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneEdge]:
    """nginx before an application that writes down, byte for byte, what reaches it."""
    with lone_edge(stack, tmp_path_factory.mktemp("edge")) as alone:
        yield alone


@pytest.fixture(scope="session")
def edge_without_app(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneEdge]:
    """nginx with nobody behind it."""
    with lone_edge(stack, tmp_path_factory.mktemp("edge"), upstream=False) as alone:
        yield alone
