"""The edge's templates with one of them changed, for what no variable can say."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dev.processes import ROOT

if TYPE_CHECKING:
    from tests.edge.running import Edge


def change_source(edge: Edge, path: str, old: str, new: str) -> None:
    """Have it rendered from a copy of the templates, with one of them changed."""
    edge.source = edge.folder.parent / "source"
    shutil.copytree(ROOT / "edge", edge.source)
    text = (edge.source / path).read_text("utf-8")
    assert text.count(old) == 1
    (edge.source / path).write_text(text.replace(old, new), "utf-8")
