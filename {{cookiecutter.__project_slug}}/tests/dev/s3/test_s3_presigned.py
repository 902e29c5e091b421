"""Who may ask: presigned URLs. Each refusal, and what must pass."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.dev.s3.sending import send
from tests.embedded_s3 import BUCKET, make_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client


def presign(client: S3Client, operation: str = "put_object", seconds: int = 60) -> str:
    return client.generate_presigned_url(
        operation, Params={"Bucket": BUCKET, "Key": "presigned"}, ExpiresIn=seconds
    )


def test_twin_presigned_urls_store_and_read(client: S3Client) -> None:
    assert send("PUT", presign(client), b"direct").status == 200
    found = send("GET", presign(client, "get_object", 7 * 24 * 3600))
    assert (found.status, found.body) == (200, b"direct")


def test_an_expired_presigned_url_is_refused(
    client: S3Client, shift_clock: Callable[[timedelta], None]
) -> None:
    shift_clock(timedelta(seconds=-61))
    answer = send("PUT", presign(client), b"late")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"expired" in answer.body


def test_a_presigned_url_of_tomorrow_is_refused(
    client: S3Client, shift_clock: Callable[[timedelta], None]
) -> None:
    shift_clock(timedelta(days=1))
    assert send("PUT", presign(client), b"early").code == "AccessDenied"


def test_a_presigned_url_for_more_than_seven_days_is_refused(client: S3Client) -> None:
    answer = send("PUT", presign(client, seconds=7 * 24 * 3600 + 1), b"long")
    assert (answer.status, answer.code) == (400, "AuthorizationQueryParametersError")


def test_a_presigned_url_is_for_its_method_and_its_lifetime_only(client: S3Client) -> None:
    url = presign(client)
    assert send("DELETE", url).code == "SignatureDoesNotMatch"
    stretched = url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")
    assert send("PUT", stretched, b"x").code == "SignatureDoesNotMatch"
    twice = f"{url}&X-Amz-Expires=6000"
    assert send("PUT", twice, b"x").code == "InvalidArgument"
    assert send("PUT", url, b"x").status == 200


def test_a_presigned_type_and_length_bind_the_sender(client: S3Client) -> None:
    url = client.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": BUCKET,
            "Key": "bound",
            "ContentType": "image/png",
            "ContentLength": 5,
        },
    )
    wrong_type = {"Content-Type": "text/html", "Content-Length": "5"}
    assert send("PUT", url, b"12345", wrong_type).code == "SignatureDoesNotMatch"
    wrong_length = {"Content-Type": "image/png", "Content-Length": "6"}
    assert send("PUT", url, b"123456", wrong_length).code == "SignatureDoesNotMatch"
    right = {"Content-Type": "image/png", "Content-Length": "5"}
    assert send("PUT", url, b"12345", right).status == 200


def test_a_presigned_url_of_signature_version_2_is_refused(endpoint: str) -> None:
    old = make_client(endpoint, "s3")
    answer = send("PUT", presign(old), b"x")
    assert (answer.status, answer.code) == (400, "InvalidRequest")


def test_two_mechanisms_at_once_are_refused(client: S3Client) -> None:
    answer = send("PUT", presign(client), b"x", {"Authorization": "AWS4-HMAC-SHA256 x"})
    assert (answer.status, answer.code) == (400, "InvalidArgument")
