"""WebP: RFC 9649; the lossy image inside is RFC 6386's."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from app.layers.uploads.containers.shape import Shape, bounded, broken

if TYPE_CHECKING:
    from collections.abc import Iterator

_VP8X_ANIMATION = 0x02
_WEBP_EXTRAS = {b"ICCP", b"ALPH", b"EXIF", b"XMP "}
_VP8_START = b"\x9d\x01\x2a"


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if int.from_bytes(data[4:8], "little") + 8 != len(data):
        raise broken("trailing_bytes" if len(data) > 12 else "truncated")  # noqa: PLR2004
    position = 12
    while position < len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        end = position + 8 + length
        if position + 8 > len(data) or end + length % 2 > len(data):
            raise broken("truncated")
        if length % 2 and data[end] != 0:
            raise broken("padding")
        yield data[position : position + 4], data[position + 8 : end]
        position = end + length % 2


def walk_webp(data: bytes) -> Shape:
    """Walk a WebP: one image, still, of the size that its canvas has."""
    chunks = list(bounded(_webp_chunks(data)))
    names = [name for name, _ in chunks]
    canvas = None
    if names[:1] == [b"VP8X"]:
        canvas = _webp_canvas(chunks.pop(0)[1])
        names.pop(0)
    if {b"ANIM", b"ANMF"} & set(names):
        raise broken("animated")
    images = [(name, body) for name, body in chunks if name in {b"VP8 ", b"VP8L"}]
    extras = [name for name in names if name not in {b"VP8 ", b"VP8L"}]
    if len(images) != 1 or len(set(extras)) != len(extras) or not set(extras) <= _WEBP_EXTRAS:
        raise broken("chunk_unknown")
    if canvas is None and extras:
        raise broken("chunk_order")
    name, body = images[0]
    shape = _vp8_shape(body) if name == b"VP8 " else _vp8l_shape(body)
    if canvas is not None and canvas != (shape.width, shape.height):
        raise broken("header")
    return shape


def _webp_canvas(body: bytes) -> tuple[int, int]:
    if len(body) != 10:  # noqa: PLR2004  RFC 9649 §2.7
        raise broken("header")
    if body[0] & _VP8X_ANIMATION:
        raise broken("animated")
    width = int.from_bytes(body[4:7], "little") + 1
    return width, int.from_bytes(body[7:10], "little") + 1


def _vp8_shape(body: bytes) -> Shape:
    is_key_frame = len(body) >= 10 and not body[0] & 1  # noqa: PLR2004  RFC 6386 §9.1
    if not is_key_frame or body[3:6] != _VP8_START:
        raise broken("header")
    width, height = struct.unpack("<HH", body[6:10])
    return Shape("webp", width & 0x3FFF, height & 0x3FFF)


def _vp8l_shape(body: bytes) -> Shape:
    if len(body) < 5 or body[0] != 0x2F:  # noqa: PLR2004  RFC 9649 §3.4
        raise broken("header")
    bits = int.from_bytes(body[1:5], "little")
    return Shape("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, lossless=True)
