"""Strict walks through image containers: every byte has a place, and the last one is the end.

Libraries that show images forgive what comes after one; that is where a JPEG carries a JAR, a PNG
a page of HTML. A walk also gives the dimensions before anything is unpacked, and refuses
animations. It does not look for what hides inside a place that exists (a comment, EXIF): the clean
copy leaves all of that behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.layers.uploads.containers.jpeg import JPEG_MAGIC, walk_jpeg
from app.layers.uploads.containers.png import PNG_MAGIC, walk_png
from app.layers.uploads.containers.shape import Shape, broken
from app.layers.uploads.containers.webp import walk_webp
from app.layers.uploads.refusals import UnsupportedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.layers.uploads.settings import ImageType

_WALKS: dict[ImageType, Callable[[bytes], Shape]] = {
    "png": walk_png,
    "jpeg": walk_jpeg,
    "webp": walk_webp,
}


def detect(data: bytes) -> ImageType:
    """Return the type that the first bytes stand for.

    Raises:
        UnsupportedFile: none of ours.
    """
    if data.startswith(PNG_MAGIC):
        return "png"
    if data.startswith(JPEG_MAGIC):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise UnsupportedFile("magic")


def walk(data: bytes) -> Shape:
    """Detect the type, walk the container to its end, and return the shape of the image.

    Raises:
        UnsupportedFile: none of our types.
        UnacceptableFile: the container breaks its standard, goes on after its end, or moves.
    """
    shape = _WALKS[detect(data)](data)
    if shape.width == 0 or shape.height == 0:
        raise broken("header")
    return shape


__all__ = ["Shape", "detect", "walk"]
