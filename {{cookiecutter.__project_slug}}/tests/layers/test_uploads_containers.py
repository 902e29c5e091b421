"""Layer 9: containers are walked strictly, and the walk itself is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.layers.uploads import UnacceptableFile
from app.layers.uploads.containers import walk
from tests import images

KINDS = ("png", "jpeg", "webp")


def refusal(data: bytes) -> str:
    with pytest.raises(UnacceptableFile) as caught:
        walk(data)
    return caught.value.reason


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([(b"IDAT", b"x"), images.png_header(1, 1), (b"IEND", b"")], "chunk_order"),
        ([images.png_header(1, 1), images.png_header(1, 1), (b"IEND", b"")], "chunk_order"),
        ([images.png_header(1, 1), (b"IEND", b"")], "truncated"),
        ([images.png_header(1, 1), (b"IDAT", b"x")], "truncated"),
        (
            [images.png_header(1, 1), (b"IDAT", b"x"), (b"tEXt", b"x"), (b"IDAT", b"x")],
            "chunk_order",
        ),
        ([images.png_header(1, 1), (b"EVIL", b"x"), (b"IEND", b"")], "chunk_unknown"),
        ([images.png_header(1, 1), (b"a\x00bc", b"x"), (b"IEND", b"")], "chunk_name"),
        ([images.png_header(0, 1), (b"IDAT", b"x"), (b"IEND", b"")], "header"),
        ([images.png_header(1, 1, depth=3), (b"IDAT", b"x"), (b"IEND", b"")], "header"),
        ([(b"IHDR", b"short"), (b"IDAT", b"x"), (b"IEND", b"")], "header"),
    ],
)
def test_a_png_that_breaks_its_standard_is_refused(
    chunks: list[tuple[bytes, bytes]], reason: str
) -> None:
    assert refusal(images.png(*chunks)) == reason


def test_a_png_with_a_wrong_checksum_is_refused() -> None:
    data = images.encode("png")
    assert refusal(data[:-1] + bytes([data[-1] ^ 1])) == "chunk_checksum"


def test_a_jpeg_of_a_kind_that_not_every_decoder_reads_is_refused() -> None:
    data = images.encode("jpeg")
    for marker in (0xC3, 0xC9):  # lossless, arithmetic
        other = data.replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
        assert refusal(other) == "frame"


def test_a_jpeg_of_many_scans_is_refused() -> None:
    data = images.scan_bomb()
    assert len(data) < 10_000
    assert refusal(data) == "scans"


@pytest.mark.parametrize(
    "data",
    [
        images.png(images.png_header(1, 1), *[(b"tEXt", b"")] * 10_000),
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 10_001,
        b"RIFF\xb4\x5f\x01\x00WEBP" + b"EXIF\x00\x00\x00\x00" * 11_254,
    ],
    ids=KINDS,
)
def test_a_container_of_too_many_pieces_is_not_walked_to_its_end(data: bytes) -> None:
    assert refusal(data) == "pieces"


def test_bytes_between_the_segments_of_a_jpeg_are_refused() -> None:
    data = images.encode("jpeg")
    assert refusal(data[:2] + b"\xff\xe0\x00\x02" + b"hidden" + data[2:]) == "marker"


@given(st.sampled_from(KINDS), st.binary(min_size=1, max_size=64))
def test_no_tail_is_ever_overlooked(kind: str, tail: bytes) -> None:
    with pytest.raises(UnacceptableFile):
        walk(images.encode(kind) + tail)
