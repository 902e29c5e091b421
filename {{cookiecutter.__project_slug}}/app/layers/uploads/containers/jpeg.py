"""JPEG: ITU-T T.81, as far as every decoder reads it."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from app.layers.uploads.containers.shape import Shape, bounded, broken

if TYPE_CHECKING:
    from collections.abc import Iterator

JPEG_MAGIC = b"\xff\xd8\xff"
_SOF = {0xC0, 0xC1, 0xC2}
"""Frames that every decoder reads: baseline, extended and progressive, Huffman coded."""
_OTHER_SOF = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_SEGMENTS = {0xC4, 0xDA, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}
"""DHT, SOS, DQT, DRI, COM, APP0 to APP15."""
MAX_SCANS = 32
"""A progressive image has about ten. Each takes a decoder once through all pixels, however few
bytes it has: 24 million pixels in 200 scans of 43 bytes took 4 seconds, and 5 MB hold 100,000."""
_SOS, _EOI = 0xDA, 0xD9
# Fill bytes may stand before a marker.
_MARKER = re.compile(rb"\xff+([^\xff])")
# In coded data 0xFF stands before a stuffed 0x00 or a restart marker, or it ends the scan.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7]")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and payload of each segment; coded data is stepped over."""
    position = 2
    while True:
        found = _MARKER.match(data, position)
        if found is None:
            raise broken("marker" if data[position:].strip(b"\xff") else "truncated")
        marker = found[1][0]
        position = found.end()
        if marker == _EOI:
            if position != len(data):
                raise broken("trailing_bytes")
            return
        length = int.from_bytes(data[position : position + 2], "big")
        end = position + length
        if length < 2 or end > len(data):  # noqa: PLR2004  the length counts its own two bytes
            raise broken("truncated")
        yield marker, data[position + 2 : end]
        position = end
        if marker == _SOS:
            match = _SCAN_END.search(data, position)
            if match is None:
                raise broken("truncated")
            position = match.start()


def walk_jpeg(data: bytes) -> Shape:
    """Walk a JPEG: one frame, at least one scan, and nothing behind the end of the image."""
    shape = None
    scans = 0
    for marker, body in bounded(_jpeg_segments(data)):
        if marker in _OTHER_SOF or (marker in _SOF and shape is not None):
            raise broken("frame")
        if marker in _SOF:
            shape = _jpeg_shape(body)
        elif marker not in _SEGMENTS:
            raise broken("marker")
        if marker == _SOS:
            if shape is None:
                raise broken("segment_order")
            scans += 1
            if scans > MAX_SCANS:
                raise broken("scans")
    if shape is None or scans == 0:
        raise broken("truncated")
    return shape


def _jpeg_shape(body: bytes) -> Shape:
    # Precision, height, width, number of components, then three bytes for each component.
    if len(body) < 6 or len(body) != 6 + 3 * body[5] or body[0] != 8:  # noqa: PLR2004
        raise broken("header")
    height, width = struct.unpack(">HH", body[1:5])
    return Shape("jpeg", width, height)
