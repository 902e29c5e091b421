"""Layer 9: what a file must be, decided on its bytes, with every hostile sample we know."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from app.layers.uploads import (
    CleanFile,
    UnacceptableFile,
    UnsupportedFile,
    UploadRefused,
    UploadsSettings,
    clean,
)
from app.layers.uploads.containers import Shape, walk
from app.layers.uploads.multipart import PartHead, RawFile
from app.layers.uploads.pixels import copy_pixels
from tests import images

KINDS = ("png", "jpeg", "webp")
SETTINGS = UploadsSettings()


def raw(data: bytes, kind: str = "png", name: str | None = None) -> RawFile:
    return RawFile(PartHead(name or f"picture.{kind}", images.MEDIA_TYPES[kind]), data)


def cleaned(data: bytes, kind: str = "png", settings: UploadsSettings = SETTINGS) -> CleanFile:
    return clean(raw(data, kind), settings)


def refusal(data: bytes, kind: str = "png", settings: UploadsSettings = SETTINGS) -> str:
    with pytest.raises(UnacceptableFile) as caught:
        cleaned(data, kind, settings)
    return caught.value.reason


def reopened(file: CleanFile) -> Image.Image:
    return Image.open(BytesIO(file.data), formats=[file.kind.upper()])


# What passes.


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("png", "RGB", {}),
        ("png", "RGBA", {}),
        ("png", "LA", {}),
        ("png", "L", {}),
        ("png", "1", {}),
        ("png", "P", {}),
        ("jpeg", "RGB", {}),
        ("jpeg", "L", {}),
        ("jpeg", "CMYK", {}),
        ("jpeg", "RGB", {"progressive": True, "optimize": True}),
        ("webp", "RGB", {}),
        ("webp", "RGBA", {}),
        ("webp", "RGBA", {"lossless": True}),
    ],
)
def test_an_honest_image_keeps_its_pixels(kind: str, mode: str, options: dict[str, bool]) -> None:
    image = images.picture(mode)
    file = cleaned(images.encode(kind, image, **options), kind)
    assert (file.kind, file.media_type) == (kind, f"image/{kind}")
    copy = reopened(file).convert("RGB")
    assert copy.size == image.size
    for place in ((5, 10), (35, 10)):
        before, after = image.convert("RGB").getpixel(place), copy.getpixel(place)
        assert isinstance(before, tuple)
        assert isinstance(after, tuple)
        assert all(abs(a - b) < 12 for a, b in zip(before, after, strict=True))


def test_sixteen_bits_become_eight() -> None:
    grey = Image.new("I;16", (2, 1))
    grey.putpixel((0, 0), 65_535)
    grey.putpixel((1, 0), 257 * 100)
    assert reopened(cleaned(images.encode("png", grey))).tobytes() == bytes([255, 100])


def test_transparency_stays() -> None:
    palette = images.picture("RGBA").quantize(8)
    file = cleaned(images.encode("png", palette, transparency=0))
    assert reopened(file).mode == "RGBA"


def test_lossless_stays_lossless() -> None:
    noise = Image.effect_noise((64, 64), 90).convert("RGB")
    file = cleaned(images.encode("webp", noise, lossless=True), "webp")
    assert reopened(file).tobytes() == noise.tobytes()


@pytest.mark.parametrize("name", ["picture.JPG", "picture.jpeg", "archive.tar.jpg"])
def test_every_spelling_of_an_extension_passes(name: str) -> None:
    assert clean(raw(images.encode("jpeg"), "jpeg", name), SETTINGS).name == name


# What hides inside stays behind.


@pytest.mark.parametrize("kind", KINDS)
def test_a_script_in_a_comment_is_not_copied(kind: str) -> None:
    data = images.with_payload(kind)
    assert images.PAYLOAD in data
    file = cleaned(data, kind)
    assert b"<?php" not in file.data
    assert b"<script" not in file.data


@pytest.mark.parametrize("kind", KINDS)
def test_the_place_where_a_picture_was_taken_is_not_copied(kind: str) -> None:
    data = images.with_gps(kind)
    assert Image.open(BytesIO(data)).getexif().get_ifd(images.GPS_TAG)
    copy = reopened(cleaned(data, kind))
    assert not copy.getexif()
    assert not set(copy.info) & {"exif", "icc_profile", "comment", "xmp", "XML:com.adobe.xmp"}
    assert copy.size == (20, 40), "the way up that EXIF told is in the pixels now"


def test_a_colour_profile_is_not_copied() -> None:
    file = cleaned(images.encode("jpeg", icc_profile=b"profile" * 20), "jpeg")
    assert "icc_profile" not in reopened(file).info


def test_bytes_between_the_pixels_and_the_end_of_their_stream_are_not_copied() -> None:
    rows = zlib.compress(b"\x00\x01\x02\x03") + images.PAYLOAD
    data = images.png(
        images.png_header(1, 1, colour=2),
        (b"IDAT", rows),
        (b"vpAg", images.PAYLOAD),
        (b"IEND", b""),
    )
    assert b"<?php" not in cleaned(data).data


# What is refused.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tail", [images.jar(), images.PAYLOAD, b"\x00", b"\n"])
def test_nothing_may_follow_the_end_of_the_image(kind: str, tail: bytes) -> None:
    assert refusal(images.encode(kind) + tail, kind) == "trailing_bytes"


def test_a_webp_whose_header_counts_the_tail_is_refused_too() -> None:
    data = images.encode("webp") + images.jar()
    assert refusal(data[:4] + struct.pack("<I", len(data) - 8) + data[8:], "webp")


def test_a_second_image_behind_the_first_is_refused() -> None:
    assert refusal(images.encode("jpeg") * 2, "jpeg") == "trailing_bytes"
    assert refusal(images.encode("png") * 2) == "trailing_bytes"


@pytest.mark.parametrize("kind", KINDS)
def test_a_magic_number_before_a_page_is_no_image(kind: str) -> None:
    assert refusal(images.encode(kind)[:12] + images.PAYLOAD, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_truncated_image_is_refused(kind: str, share: float) -> None:
    data = images.encode(kind, Image.effect_noise((64, 64), 90).convert("RGB"))
    assert refusal(data[: int(len(data) * share)], kind)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_an_animation_is_refused(kind: str) -> None:
    assert refusal(images.animated(kind), kind) == "animated"


def test_a_webp_that_only_says_it_moves_is_refused() -> None:
    data = bytearray(images.encode("webp", images.picture("RGBA"), lossless=False, exif=b"x"))
    assert data[12:16] == b"VP8X"
    data[20] |= 0x02
    assert refusal(bytes(data), "webp") == "animated"


def test_an_image_that_pillow_sees_otherwise_than_the_walk_is_refused() -> None:
    with pytest.raises(UnacceptableFile) as caught:
        copy_pixels(images.encode("png"), Shape("png", 20, 40))
    assert caught.value.reason == "parsers_disagree"


@pytest.mark.parametrize(
    ("width", "height", "depth", "colour"), [(50_000, 50_000, 1, 0), (13_000, 13_000, 8, 6)]
)
def test_a_pixel_bomb_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int, depth: int, colour: int
) -> None:
    monkeypatch.setattr(Image, "open", None)
    assert refusal(images.bomb(width, height, depth, colour)) == "pixels"


def test_the_bound_on_pixels_is_where_it_is_said_to_be() -> None:
    data = images.encode("png", images.picture(size=(40, 20)))
    assert cleaned(data, settings=UploadsSettings(max_pixels=800))
    assert refusal(data, settings=UploadsSettings(max_pixels=799)) == "pixels"


def test_a_text_that_unpacks_to_megabytes_is_refused() -> None:
    assert len(images.text_bomb()) < 50_000
    assert refusal(images.text_bomb()) == "undecodable"


def test_pixels_that_unpack_to_more_than_their_image_take_no_memory() -> None:
    rows = zlib.compress(bytes(50_000_000), 9)
    data = images.png(images.png_header(1, 1, colour=2), (b"IDAT", rows), (b"IEND", b""))
    assert len(cleaned(data).data) < 200


def test_a_copy_that_would_be_too_large_is_refused() -> None:
    noise = images.encode("png", Image.effect_noise((64, 64), 90))
    assert refusal(noise, settings=UploadsSettings(max_clean_bytes=1_024)) == "clean_bytes"


# Name, declared type and content.


@pytest.mark.parametrize(
    ("name", "declared", "data"),
    [
        ("shell.php", "image/png", images.encode("png")),
        ("shell.png.php", "image/png", images.encode("png")),
        ("picture", "image/png", images.encode("png")),
        (".png", "image/png", images.encode("png")),
        ("picture.svg", "image/svg+xml", b"<svg/>"),
        ("picture.gif", "image/gif", b"GIF89a"),
        ("picture.png", "text/html", images.encode("png")),
        ("picture.png", "", images.encode("png")),
        ("picture.jpg", "image/png", images.encode("png")),
        ("picture.png", "image/png", images.encode("jpeg")),
        ("picture.png", "image/png", images.PAYLOAD),
        ("picture.png", "image/png", b"MZ" + bytes(100)),
    ],
)
def test_name_declared_type_and_content_must_agree(name: str, declared: str, data: bytes) -> None:
    with pytest.raises(UnsupportedFile):
        clean(RawFile(PartHead(name, declared), data), SETTINGS)


def test_a_type_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(UnsupportedFile, match="declared type"):
        cleaned(images.encode("webp"), "webp", UploadsSettings(allowed_types=("png", "jpeg")))


# Whatever comes.


@given(
    st.sampled_from(KINDS),
    st.sampled_from([b"", *(images.encode(kind)[:24] for kind in KINDS)]),
    st.binary(max_size=300),
)
@example("png", b"\x89PNG\r\n\x1a\n", b"")
@example("jpeg", b"\xff\xd8\xff", b"")
@example("webp", b"RIFF\x04\x00\x00\x00WEBP", b"")
def test_random_bytes_never_pass_and_raise_nothing_else(
    kind: str, start: bytes, rest: bytes
) -> None:
    with pytest.raises(UploadRefused):
        cleaned(start + rest, kind)


@given(st.sampled_from(KINDS), st.data())
def test_a_damaged_image_is_refused_or_becomes_a_clean_one(kind: str, data: st.DataObject) -> None:
    original = images.encode(kind)
    start = data.draw(st.integers(0, len(original)))
    end = data.draw(st.integers(start, min(len(original), start + 20)))
    damaged = original[:start] + data.draw(st.binary(max_size=20)) + original[end:]
    try:
        file = cleaned(damaged, kind)
    except UploadRefused:
        return
    assert reopened(file).size == (walk(file.data).width, walk(file.data).height)
    assert not reopened(file).getexif()
