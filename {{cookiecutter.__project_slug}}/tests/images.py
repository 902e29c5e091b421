"""Images for the tests of uploads, honest and hostile, made here from scratch."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

PAYLOAD = b"<?php system($_GET['c']); ?><script>alert(1)</script>"
GPS_TAG = 0x8825
ORIENTATION_TAG = 0x0112
MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Return an image whose left half differs from its right."""
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 30, 200), (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


def encode(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """Return a file of this type."""
    out = BytesIO()
    (image or picture()).save(out, kind.upper(), **options)
    return out.getvalue()


def jar() -> bytes:
    """Return a JAR, which is read from its end: it may follow an image."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Main-Class: Evil\n")
    return out.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk with a true checksum."""
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of these chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_header(width: int, height: int, depth: int = 8, colour: int = 6) -> tuple[bytes, bytes]:
    """Return an IHDR."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)


def bomb(width: int, height: int, depth: int = 8, colour: int = 6) -> bytes:
    """Return a small PNG that says it is huge; its container is without fault."""
    data = zlib.compress(bytes(100_000), 9)
    return png(png_header(width, height, depth, colour), (b"IDAT", data), (b"IEND", b""))


def text_bomb(megabytes: int = 20) -> bytes:
    """Return a PNG with a compressed text that unpacks to many megabytes."""
    text = b"comment\x00\x00" + zlib.compress(bytes(megabytes * 1_000_000), 9)
    row = zlib.compress(b"\x00\x00\x00\x00")
    header = png_header(1, 1, colour=2)
    return png(header, (b"zTXt", text), (b"IDAT", row), (b"IEND", b""))


def scan_bomb(scans: int = 100) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again: each is a whole pass."""
    data = encode("jpeg", picture("L"), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def with_gps(kind: str) -> bytes:
    """Return an image that tells where it was taken, and which way up it is not."""
    image = picture()
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    exif.get_ifd(GPS_TAG)[1] = "N"
    exif.get_ifd(GPS_TAG)[2] = (48.0, 12.0, 30.5)
    return encode(kind, image, exif=exif)


def with_payload(kind: str) -> bytes:
    """Return an image that carries a script where its container allows any text."""
    if kind == "jpeg":
        return encode(kind, comment=PAYLOAD)
    if kind == "png":
        info = PngInfo()
        info.add_text("Comment", PAYLOAD.decode())
        return encode(kind, pnginfo=info)
    return encode(kind, xmp=PAYLOAD)


def animated(kind: str) -> bytes:
    """Return an image of two frames."""
    frames = [picture(), picture().rotate(180)]
    return encode(kind, frames[0], save_all=True, append_images=frames[1:])


def form(data: bytes, name: str = "picture.png", kind: str = "image/png") -> dict[str, Any]:
    """Return httpx's `files` for an upload."""
    return {"file": (name, data, kind)}
