"""Layer 10: the vocabulary is what the service says, no more and no less."""

from __future__ import annotations

from pathlib import Path

import pytest

import app
from app.layers.logs import Event
from app.layers.logs.events import LEVELS

SOURCES = [
    path.read_text("utf-8")
    for path in Path(app.__file__).parent.rglob("*.py")
    if path.name != "events.py"
]


@pytest.mark.parametrize("event", Event, ids=str)
def test_every_event_is_logged_somewhere(event: Event) -> None:
    assert any(f"Event.{event.name}" in source for source in SOURCES)


def test_a_refusal_is_louder_than_plain_news() -> None:
    assert {event for event in Event if event.endswith(("_fail", "_refused"))} <= LEVELS.keys()
