"""Pages of other origins, and what they are granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.raw import assert_problem

if TYPE_CHECKING:
    import httpx

    from tests.raw import Answer

ALLOWED = "https://app.example.test"
"""What the stack's settings allow."""

EVIL = "https://evil.example"


def grants(answer: Answer | httpx.Response) -> list[str]:
    """Return the names of all headers by which a page might get something."""
    return [name for name in answer.headers if name.startswith("access-control-")]


def assert_refused(answer: Answer | httpx.Response) -> None:
    """Assert that nothing was granted, and that no cache gives this answer to another page."""
    assert_problem(answer, 403, "origin-refused")
    assert not grants(answer)
    assert answer.headers["vary"].startswith("Origin")
