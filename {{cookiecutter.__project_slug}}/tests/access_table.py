"""The table of who gets what from which route. Its rows are data, in each domain's `access.py`.

A domain's module has `ROWS`; `make(owner)`, if its rows need something that is there, which
returns what it made; and `environment()`, if its routes need more than the service has by itself.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack
    from types import ModuleType

    import httpx

    from app.accounts.sessions import Ids
    from app.layers.authorization import Anyone, Authenticated

TESTS = Path(__file__).parent
Who = Literal["anonymous", "user", "other", "administrator", "revoked", "narrow"]
EVERYBODY: tuple[Who, ...] = ("anonymous", "user", "other", "administrator", "revoked", "narrow")
"""Who asks: nobody known; the owner of what was made; another user; an administrator, who is no
owner either; the owner, logged out; the owner, with a token for everything but what is asked."""

Made = dict[str, str]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks."""

    client: httpx.AsyncClient
    email: str
    refresh_token: str
    ids: Ids


@dataclass(frozen=True, slots=True)
class Row:
    """A route, what it asks for, and the status that each gets."""

    route: str
    asks: Anyone | Authenticated
    answers: tuple[int, int, int, int, int, int]
    """In the order of `EVERYBODY`."""
    sends: Callable[[Made], Mapping[str, Any]] = field(default=lambda _made: NOTHING)
    """What `httpx` is to send; it is given what was made."""

    @property
    def method(self) -> str:
        """The route's method."""
        return self.route.partition(" ")[0]

    def path(self, made: Made) -> str:
        """Return the route's path to what was made."""
        return self.route.partition(" ")[2].format_map(made)

    def answer(self, who: Who) -> int:
        """Return the status that somebody gets."""
        return self.answers[EVERYBODY.index(who)]


def domains() -> list[ModuleType]:
    """Return the modules that have rows."""
    names = sorted(path.parent.name for path in TESTS.glob("*/access.py"))
    return [importlib.import_module(f"tests.{name}.access") for name in names]


def rows() -> list[tuple[ModuleType, Row]]:
    """Return every row, with its domain."""
    return [(domain, row) for domain in domains() for row in domain.ROWS]


def environments(stack: ExitStack) -> dict[str, str]:
    """Return the settings that the domains need, and end what stands behind them with the stack."""
    found: dict[str, str] = {}
    for domain in domains():
        if environment := getattr(domain, "environment", None):
            found |= stack.enter_context(environment())
    return found
