"""What a file must be to be taken, decided on its bytes alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from app.layers.uploads.containers import Shape, detect, walk
from app.layers.uploads.names import clean_name, extension_of
from app.layers.uploads.pixels import copy_pixels
from app.layers.uploads.refusals import UnacceptableFile, UnsupportedFile

if TYPE_CHECKING:
    from app.layers.uploads.multipart import PartHead, RawFile
    from app.layers.uploads.settings import ImageType, UploadsSettings

EXTENSIONS: dict[str, ImageType] = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}


@dataclass(frozen=True)
class CleanFile:
    """A file that was judged and made anew. No byte of it is the client's."""

    name: str
    """To be shown; see `names.clean_name`."""
    kind: ImageType
    data: bytes

    @property
    def media_type(self) -> str:
        """The type to store and to serve it with."""
        return f"image/{self.kind}"

    @cached_property
    def sha256(self) -> bytes:
        """The digest that storage and download are checked against."""
        return hashlib.sha256(self.data).digest()


def admit_head(head: PartHead, allowed: tuple[ImageType, ...]) -> ImageType:
    """Return the type that name and declared type agree on.

    Raises:
        UnsupportedFile: they don't, or it is none that is taken.
    """
    kind = EXTENSIONS.get(extension_of(clean_name(head.name)))
    if kind is None or kind not in allowed:
        raise UnsupportedFile("extension")
    if head.declared_type != f"image/{kind}":
        raise UnsupportedFile("declared_type")
    return kind


def judge(raw: RawFile, settings: UploadsSettings) -> Shape:
    """Return the shape of an acceptable file.

    Raises:
        UnsupportedFile: name, declared type and content do not agree on one of our types.
        UnacceptableFile: the container is broken or goes on after its end, the image moves, or it
            would unpack to more pixels than are allowed.
    """
    kind = admit_head(raw.head, settings.allowed_types)
    if detect(raw.data) != kind:
        raise UnsupportedFile("content_type")
    shape = walk(raw.data)
    if shape.width * shape.height > settings.max_pixels:
        raise UnacceptableFile("pixels")
    return shape


def clean(raw: RawFile, settings: UploadsSettings) -> CleanFile:
    """Judge a file and copy its pixels into a new one. Takes CPU: run it in a thread.

    Raises:
        UnsupportedFile: see `judge`.
        UnacceptableFile: see `judge`; or the pixels can't be read, or their copy is too large.
    """
    shape = judge(raw, settings)
    data = copy_pixels(raw.data, shape)
    if len(data) > settings.max_clean_bytes:
        raise UnacceptableFile("clean_bytes")
    return CleanFile(clean_name(raw.head.name), shape.kind, data)
