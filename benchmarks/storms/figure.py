"""All three storms, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.storms import logins, refreshes, unknown_keys

if TYPE_CHECKING:
    from pathlib import Path

STORMS = {"logins": logins, "unknown_keys": unknown_keys, "refreshes": refreshes}


def measure_storms(python: Path, project: Path) -> dict[str, Any]:
    """Let each storm come and go; return the figures.

    Raises:
        BenchError: the service or a storm did not do what it should.
    """
    return {name: storm.measure(python, project) for name, storm in STORMS.items()}


def said(found: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    return "\n".join(line for name, storm in STORMS.items() for line in storm.said(found[name]))
