"""Whether the body that came is the body that was signed, and the one the checksums speak of."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from typing import TYPE_CHECKING

from dev.s3.refusals import RefusedError, not_offered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dev.s3.incoming import Incoming

CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    # SHA-1 is a checksum of the protocol here, not a defence.
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    "x-amz-checksum-sha512": lambda body: hashlib.sha512(body).digest(),
}
_NOT_A_DIGEST = {"x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm"}
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_TRAILER = re.compile(rb"(x-amz-checksum-[a-z0-9]+):([A-Za-z0-9+/=]+)\r\n\r\n")


def _malformed() -> RefusedError:
    return RefusedError(400, "IncompleteBody", "The aws-chunked body can't be read to its end.")


def _split_chunks(body: bytes) -> tuple[bytes, str, str]:
    """Return data, trailer name and trailer value of a body of unsigned chunks."""
    data: list[bytes] = []
    position = 0
    while (size := _CHUNK_SIZE.match(body, position)) is not None:
        start, length = size.end(), int(size[1], 16)
        position = start + length
        if length == 0:
            trailer = _TRAILER.fullmatch(body, start)
            if trailer is None:
                break
            return b"".join(data), trailer[1].decode(), trailer[2].decode()
        if body[position : position + 2] != b"\r\n":
            break
        data.append(body[start:position])
        position += 2
    raise _malformed()


def _decode_stream(headers: dict[str, str], body: bytes) -> bytes:
    """Undo `aws-chunked` in body and headers; the trailer becomes the checksum header it is."""
    data, name, value = _split_chunks(body)
    encodings = [item.strip() for item in headers.get("content-encoding", "").split(",")]
    if name != headers.pop("x-amz-trailer", None) or "aws-chunked" not in encodings:
        raise RefusedError(400, "MalformedTrailerError", "The trailer is not the one announced.")
    if headers.pop("x-amz-decoded-content-length", None) != str(len(data)):
        raise RefusedError(400, "IncompleteBody", "x-amz-decoded-content-length does not hold.")
    rest = ", ".join(item for item in encodings if item not in {"", "aws-chunked"})
    headers.pop("content-encoding")
    headers |= {name: value} | ({"content-encoding": rest} if rest else {})
    return data


def _digest(text: str, length: int) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != length:
        raise RefusedError(400, "InvalidDigest", "A checksum is not the base64 of its digest.")
    return digest


def check_checksums(headers: Mapping[str, str], body: bytes) -> None:
    """Compare every checksum that is given.

    Raises:
        RefusedError: one does not hold, can't be read, or was announced and is missing.
    """
    if "content-md5" in headers:
        actual = hashlib.md5(body, usedforsecurity=False).digest()
        if _digest(headers["content-md5"], len(actual)) != actual:
            raise RefusedError(400, "BadDigest", "Content-MD5 does not match the body.")
    given = {name for name in headers if name.startswith("x-amz-checksum-")} - _NOT_A_DIGEST
    announced = headers.get("x-amz-sdk-checksum-algorithm")
    if announced and f"x-amz-checksum-{announced.lower()}" not in given:
        raise RefusedError(400, "InvalidRequest", "The announced checksum is missing.")
    for name in given:
        if name not in CHECKSUMS:
            raise not_offered(f"the checksum {name}")
        actual = CHECKSUMS[name](body)
        if _digest(headers[name], len(actual)) != actual:
            raise RefusedError(400, "BadDigest", f"{name} does not match the body.")


def open_payload(request: Incoming, declared: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """Return headers and body as they were before transport, all hashes checked.

    Args:
        request: the authenticated request.
        declared: its `x-amz-content-sha256`, which the signature covers.
        body: the body on the wire.

    Raises:
        RefusedError: the body is not what was declared.
    """
    headers = dict(request.headers)
    if declared == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        body = _decode_stream(headers, body)
    elif declared.startswith("STREAMING-"):
        raise not_offered("signed streaming chunks")
    elif declared != "UNSIGNED-PAYLOAD" and declared != hashlib.sha256(body).hexdigest():
        raise RefusedError(400, "XAmzContentSHA256Mismatch", "The body is not the one signed.")
    if "aws-chunked" in headers.get("content-encoding", ""):
        raise RefusedError(400, "InvalidRequest", "aws-chunked without a streaming payload hash.")
    check_checksums(headers, body)
    return headers, body
