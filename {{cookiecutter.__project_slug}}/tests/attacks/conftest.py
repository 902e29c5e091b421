"""Fixtures of the attacks: nginx alone, where the live service would show less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lone_edge import LoneEdge, lone_edge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack


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


@pytest.fixture(scope="session")
def intermediate(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """nginx that takes TLS 1.2 too."""
    folder = tmp_path_factory.mktemp("intermediate")
    with lone_edge(stack, folder, tls="intermediate") as alone:
        yield alone.stack
