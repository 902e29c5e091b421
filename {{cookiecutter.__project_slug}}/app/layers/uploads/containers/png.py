"""PNG: the W3C's Portable Network Graphics, third edition."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from app.layers.uploads.containers.shape import Shape, bounded, broken

if TYPE_CHECKING:
    from collections.abc import Iterator

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_IHDR = struct.Struct(">IIBBBBB")
_PNG_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""Bit depths that each colour type may have."""
_PNG_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_PNG_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(PNG_MAGIC)
    while position < len(data):
        if position + 12 > len(data):
            raise broken("truncated")
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length
        if end > len(data):
            raise broken("truncated")
        name, body = data[position + 4 : position + 8], data[position + 8 : end - 4]
        if not name.isalpha() or not name.isascii():
            raise broken("chunk_name")
        if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise broken("chunk_checksum")
        yield name, body
        position = end
        if name == b"IEND" and position != len(data):
            raise broken("trailing_bytes")


def walk_png(data: bytes) -> Shape:
    """Walk a PNG; the critical chunks come in the order that the standard sets."""
    shape = None
    has_data = False
    last = b""
    for name, body in bounded(_png_chunks(data)):
        if name in _PNG_ANIMATION:
            raise broken("animated")
        if name[:1].isupper() and name not in _PNG_CRITICAL:
            raise broken("chunk_unknown")
        if (name == b"IHDR") != (shape is None):
            raise broken("chunk_order")
        if name == b"IHDR":
            shape = _png_shape(body)
        if name == b"IDAT" and has_data and last != b"IDAT":
            raise broken("chunk_order")
        has_data = has_data or name == b"IDAT"
        last = name
    if shape is None or not has_data or last != b"IEND":
        raise broken("truncated")
    return shape


def _png_shape(body: bytes) -> Shape:
    if len(body) != _IHDR.size:
        raise broken("header")
    width, height, depth, colour, compression, filtering, interlace = _IHDR.unpack(body)
    if (
        depth not in _PNG_DEPTHS.get(colour, set())
        or (compression, filtering) != (0, 0)
        or interlace > 1
    ):
        raise broken("header")
    return Shape("png", width, height, lossless=True)
