"""A route's own policy, in the style of the limiter's decorators.

    from app.layers import bots

    @router.post("/login")
    @bots.allow(bots.Category.HTTP_LIBRARY)
    async def log_in(request: Request, ...): ...

They only mark the endpoint, and may stand above or below others; `policy.py` finds the marks when
the service starts. A request is judged before routing, so what is refused never reaches the route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.layers.bots.categories import Category

Endpoint = TypeVar("Endpoint", bound="Callable[..., Any]")


class Marks(NamedTuple):
    """What a route says about bots."""

    allowed: frozenset[Category] = frozenset()
    is_exempt: bool = False


NO_MARKS = Marks()
_ATTRIBUTE = "bots_marks"
"""On the endpoint itself: `functools.wraps` takes it along to whatever is wrapped around it, and
two endpoints that a factory makes under one name don't share it."""


def marks_of(endpoint: Callable[..., Any]) -> Marks:
    """Return what was said of an endpoint."""
    marks: Marks = getattr(endpoint, _ATTRIBUTE, NO_MARKS)
    return marks


def allow(*categories: Category) -> Callable[[Endpoint], Endpoint]:
    """Let these categories through on a route, whatever the settings say of them."""

    def mark(endpoint: Endpoint) -> Endpoint:
        said = marks_of(endpoint)
        setattr(endpoint, _ATTRIBUTE, said._replace(allowed=said.allowed | set(categories)))
        return endpoint

    return mark


def exempt(endpoint: Endpoint) -> Endpoint:
    """Let everything through on a route, as for a webhook whose sender has no name.

    How clients behave there still counts elsewhere.
    """
    setattr(endpoint, _ATTRIBUTE, marks_of(endpoint)._replace(is_exempt=True))
    return endpoint
