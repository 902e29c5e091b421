"""Bodies that are not what was signed or summed, and those that are."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import socket
import zlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

from tests.embedded_s3 import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from tests.dev.s3.sending import Answer, Sender


def test_a_body_other_than_the_signed_one_is_refused(sender: Sender) -> None:
    answer = sender.signed(body=b"signed!", sent=b"swapped")
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")


def test_twin_an_unsigned_payload_is_stored(sender: Sender) -> None:
    assert sender.signed(payload="UNSIGNED-PAYLOAD").status == 200


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


CHECKSUMS = [
    ("x-amz-checksum-crc32", crc32),
    ("x-amz-checksum-sha256", sha256),
    ("Content-MD5", md5),
]


@pytest.mark.parametrize(("name", "digest"), CHECKSUMS)
def test_a_checksum_of_another_body_is_refused(
    sender: Sender, name: str, digest: Callable[[bytes], str]
) -> None:
    assert sender.signed(headers={name: digest(b"other")}).code == "BadDigest"
    assert sender.signed(headers={name: "!"}).code == "InvalidDigest"


@pytest.mark.parametrize(("name", "digest"), CHECKSUMS)
def test_twin_a_checksum_of_the_body_passes(
    sender: Sender, name: str, digest: Callable[[bytes], str]
) -> None:
    assert sender.signed(headers={name: digest(b"content")}).status == 200


def test_an_announced_checksum_that_is_missing_is_refused(sender: Sender) -> None:
    answer = sender.signed(headers={"x-amz-sdk-checksum-algorithm": "CRC32"})
    assert (answer.status, answer.code) == (400, "InvalidRequest")


def streamed(sender: Sender, key: str, wire: bytes, length: int) -> Answer:
    """Send an aws-chunked body as boto3 does over TLS: unsigned chunks, a checksum at the end."""
    return sender.signed(
        key=key,
        body=wire,
        payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        headers={
            "X-Amz-Trailer": "x-amz-checksum-crc32",
            "X-Amz-Decoded-Content-Length": str(length),
            "Content-Encoding": "aws-chunked",
        },
    )


def chunked(body: bytes) -> bytes:
    wrapper = AwsChunkedWrapper(
        io.BytesIO(body), Crc32Checksum, "x-amz-checksum-crc32", chunk_size=1000
    )
    wire: bytes = wrapper.read()
    return wire


def test_twin_a_chunked_body_with_a_trailer_is_stored_decoded(
    sender: Sender, client: S3Client
) -> None:
    body = os.urandom(2500)
    assert streamed(sender, "chunked", chunked(body), len(body)).status == 200
    found = client.get_object(Bucket=BUCKET, Key="chunked", ChecksumMode="ENABLED")
    assert found["Body"].read() == body
    assert found["ChecksumCRC32"] == crc32(body)
    assert "aws-chunked" not in found.get("ContentEncoding", "")


def test_a_chunked_body_that_does_not_hold_is_refused(sender: Sender) -> None:
    body = b"a" * 2500
    wire = chunked(body)
    assert streamed(sender, "bad", wire.replace(b"a", b"b", 1), 2500).code == "BadDigest"
    assert streamed(sender, "bad", wire, 2499).code == "IncompleteBody"
    assert streamed(sender, "bad", wire[:-40], 2500).code == "IncompleteBody"
    assert streamed(sender, "bad", wire + b"more", 2500).code == "IncompleteBody"
    renamed = wire.replace(b"x-amz-checksum-crc32", b"x-amz-checksum-sha1")
    assert streamed(sender, "bad", renamed, 2500).code == "MalformedTrailerError"


def test_signed_chunks_are_refused_clearly(sender: Sender) -> None:
    answer = sender.signed(payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    assert (answer.status, answer.code) == (501, "NotImplemented")


def test_a_body_beside_two_framings_is_refused(sender: Sender) -> None:
    answer = sender.signed(after={"Transfer-Encoding": "chunked", "Content-Length": "7"})
    assert (answer.status, answer.code) == (400, "InvalidRequest")


def test_a_body_that_ends_early_is_refused(client: S3Client) -> None:
    url = client.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "half"})
    parts = urlsplit(url)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\nonly this".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"IncompleteBody" in answer


def test_deleting_many_without_a_checksum_is_refused(sender: Sender) -> None:
    body = b"<Delete><Object><Key>object</Key></Object></Delete>"
    answer = sender.signed("POST", body=body, path=f"/{BUCKET}?delete=")
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    summed = {"Content-MD5": md5(body)}
    assert sender.signed("POST", body=body, path=f"/{BUCKET}?delete=", headers=summed).status == 200
