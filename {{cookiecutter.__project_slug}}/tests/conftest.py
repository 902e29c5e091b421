"""Fixtures for every test. `stack` is the live service; unit tests need none of it.

`edge` is nginx alone, where the live service would show less.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from app.settings import setting_names
from tests.lone_edge import LoneEdge, lone_edge
from tests.stack import Stack, running_stack

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

STACK = pytest.StashKey[Stack]()


def pytest_configure(config: pytest.Config) -> None:
    """Forget the settings of the shell that runs the tests: they are for another service."""
    del config
    for name, is_secret in setting_names().items():
        os.environ.pop(name, None)
        if is_secret:
            os.environ.pop(f"{name}_FILE", None)


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """The whole service: nginx, gunicorn with two workers, Redis and S3, on free ports."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        request.config.stash[STACK] = running
        yield running
        del request.config.stash[STACK]


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the service wrote while a test failed."""
    report = yield
    running = item.config.stash.get(STACK, None)
    if report.failed and running is not None and call.when == "call":
        for name, text in running.logs_since_mark().items():
            report.sections.append((f"{name}, during this test", text))
    return report


@pytest.fixture(autouse=True)
def _mark_logs(request: pytest.FixtureRequest) -> None:
    """Remember where the logs stood when a test began."""
    running = request.config.stash.get(STACK, None)
    if running is not None:
        running.mark()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the service does."""
    return "asyncio"
