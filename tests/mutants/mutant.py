"""What a mutant is, and how its edit is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

NOT_MOUNTED = "the layer is not mounted"
"""Name of the mutant that every layer has."""


class EditError(Exception):
    """An edit does not apply: the code moved on, and the proof must follow it."""


class Mutant(NamedTuple):
    """One defence taken away from the generated project."""

    layer: str
    name: str
    """What is broken, in words."""
    file: str
    """Path in the project."""
    old: str
    """Stands in the file exactly once."""
    new: str
    first: str = ""
    """File of tests to run before the layer's others, to be done sooner: the one that knows."""

    def __str__(self) -> str:
        """Name it as the catalogue does."""
        return f"{self.layer}: {self.name}"


def apply(mutant: Mutant, tree: Path) -> None:
    """Make the edit in a copy of the project.

    Raises:
        EditError: the file is gone, or the old text does not stand in it exactly once.
    """
    path = tree / mutant.file
    if not path.is_file():
        raise EditError(f"{mutant.file} does not exist")
    source = path.read_text(encoding="utf-8")
    times = source.count(mutant.old)
    if times != 1:
        raise EditError(f"its text stands {times} times in {mutant.file}, not once")
    path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
