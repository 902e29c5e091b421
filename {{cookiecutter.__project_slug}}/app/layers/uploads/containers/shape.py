"""What every walk gives, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from app.layers.uploads.refusals import UnacceptableFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app.layers.uploads.settings import ImageType

T = TypeVar("T")

MAX_PIECES = 10_000
"""Chunks or segments. A 5 MB image has some hundreds; a million empty ones take a second each."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a container says of the one image in it."""

    kind: ImageType
    width: int
    height: int
    lossless: bool = False


def broken(reason: str) -> UnacceptableFile:
    """Return the refusal of a container that breaks its standard."""
    return UnacceptableFile(reason)


def bounded(pieces: Iterable[T]) -> Iterator[T]:
    """Yield the pieces of a container, as long as there are not too many."""
    for number, piece in enumerate(pieces):
        if number >= MAX_PIECES:
            raise broken("pieces")
        yield piece
