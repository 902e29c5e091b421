"""Fixtures for every test. `stack` is the live service; unit tests need none of it.

`edge` is nginx alone, where the live service would show less. Tests that ask for `database_url`,
`own_database_url` or `empty_database_url` run twice: on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from app.settings import setting_names
from tests.databases import KINDS, Databases
from tests.lone_edge import LoneEdge, lone_edge
from tests.postgres import PostgresServer, running_postgres
from tests.stack import Stack, hang_up, running_stack

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
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # PGSSLMODE and its like: the driver reads them beside the URL


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """PostgreSQL, empty."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def databases(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Databases:
    """What makes databases of either kind."""

    def server() -> PostgresServer:
        running: PostgresServer = request.getfixturevalue("postgres")
        return running

    return Databases(tmp_path_factory.mktemp("databases"), server)


@pytest.fixture(scope="module", params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """The kind of the databases below; whoever asks runs on each."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def database_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """A database with every table, one for all tests of a module."""
    with databases.migrated(database_kind) as url:
        yield url


@pytest.fixture
def own_database_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """A database with every table, of this test's own."""
    with databases.migrated(database_kind) as url:
        yield url


@pytest.fixture
def empty_database_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """A database without any table, of this test's own."""
    with databases.empty(database_kind) as url:
        yield url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what each service that a test had wrote while it failed."""
    report = yield
    had: dict[str, object] = getattr(item, "funcargs", {})
    if report.failed and call.when == "call":
        for fixture, running in had.items():
            logs = running.logs_since_mark() if isinstance(running, Stack) else {}
            report.sections += [(f"{name} of {fixture}", text) for name, text in logs.items()]
    return report


@pytest.fixture(autouse=True)
def _mark_logs(request: pytest.FixtureRequest) -> None:
    """Remember where the logs stood when a test began."""
    running = request.config.stash.get(STACK, None)
    if running is not None:
        running.mark()


@pytest.fixture(autouse=True)
def _hang_up() -> Iterator[None]:
    """Keep no connection for the next test: thousands would be open at the end of a run."""
    yield
    hang_up()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the service does."""
    return "asyncio"
