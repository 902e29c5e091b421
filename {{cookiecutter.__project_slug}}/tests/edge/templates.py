"""The edge's templates with one of them changed, for what no variable can say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.edge.running import Edge


def change_source(edge: Edge, path: str, old: str, new: str) -> None:
    """Have it rendered from templates of which one is changed."""
    text = (edge.source / path).read_text("utf-8")
    assert text.count(old) == 1
    (edge.source / path).write_text(text.replace(old, new), "utf-8")
