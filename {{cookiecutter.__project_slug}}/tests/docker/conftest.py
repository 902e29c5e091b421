"""What can only be shown with a Docker engine: `make attack NGINX_IMAGE=… TESTS=tests/docker`.

`make test` does not collect this folder (pyproject.toml: norecursedirs), since not every machine
has an engine, or an nginx that speaks HTTP/3.
"""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def image() -> str:
    """The name of the image whose nginx is first in PATH."""
    name = os.environ.get("NGINX_IMAGE")
    assert name, "run these with: make attack NGINX_IMAGE=nginx:1.26 TESTS=tests/docker"
    return name
