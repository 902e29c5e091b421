"""A fixture of the attacks: nginx with another choice than the live service's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lone_edge import lone_edge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack


@pytest.fixture(scope="session")
def intermediate(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """nginx that takes TLS 1.2 too."""
    folder = tmp_path_factory.mktemp("intermediate")
    with lone_edge(stack, folder, tls="intermediate") as alone:
        yield alone.stack
