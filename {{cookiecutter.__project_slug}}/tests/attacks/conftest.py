"""Fixtures of the attacks: other choices of nginx and database, a forger of tokens, issuers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.databases import POSTGRESQL
from tests.forgery import Forger, forger_of
from tests.issuer import (
    WORKERS,
    Issuer,
    good_and_bad_keys,
    jwk_of,
    key_named,
    running_issuer,
    trust_in,
)
from tests.lone_edge import lone_edge
from tests.stack import running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Databases
    from tests.stack import Stack


@pytest.fixture(scope="session")
def on_postgresql(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The live service on PostgreSQL, with fewer connections and less patience than is shipped."""
    chosen = {
        "DATABASE__POOL_SIZE": "3",
        "DATABASE__POOL_TIMEOUT": "2",
        "DATABASE__STATEMENT_TIMEOUT": "2",
    }
    with (
        databases.empty(POSTGRESQL) as url,
        running_stack(
            tmp_path_factory.mktemp("on postgresql"), DATABASE__URL=url, **chosen
        ) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def intermediate(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """nginx that takes TLS 1.2 too."""
    folder = tmp_path_factory.mktemp("intermediate")
    with lone_edge(stack, folder, tls="intermediate") as alone:
        yield alone.stack


@pytest.fixture(scope="module")
def forger(stack: Stack) -> Forger:
    """Somebody who has an account, the service's own key and bad intentions."""
    return forger_of(stack)


@pytest.fixture(scope="module")
def administrator(stack: Stack) -> Forger:
    """An administrator, and whoever can sign tokens in that name."""
    made = forger_of(stack)
    stack.command("app.accounts", "promote", made.account.email)
    return made


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """The issuer that the service trusts."""
    with running_issuer(tmp_path_factory.mktemp("issuer")) as one:
        one.publish(*good_and_bad_keys())
        yield one


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """An issuer that nobody trusts. Its key has the name of the trusted one's."""
    with running_issuer(tmp_path_factory.mktemp("stranger")) as one:
        one.publish(jwk_of("first", key_named("stranger")))
        yield one


@pytest.fixture(scope="session")
def trusting(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The live service, trusting the issuer."""
    settings = trust_in(issuer) | {"SERVER__WORKERS": str(WORKERS)}
    with running_stack(tmp_path_factory.mktemp("trusting"), **settings) as one:
        yield one
