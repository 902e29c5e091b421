"""POST policies: forms that break theirs, and forms that keep it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.dev.s3.sending import send
from tests.embedded_s3 import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def form(
    post: dict[str, Any], data: bytes, extra: dict[str, str] | None = None
) -> tuple[str, bytes, dict[str, str]]:
    """Return URL, body and headers of the form a browser would send."""
    lines: list[bytes] = []
    for name, value in {**post["fields"], **(extra or {})}.items():
        head = f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        lines += [head.encode(), value.encode(), b"\r\n"]
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = b"".join([*lines, head.encode(), data, b"\r\n--edge--\r\n"])
    return post["url"], body, {"Content-Type": "multipart/form-data; boundary=edge"}


def policy(client: S3Client, seconds: int = 60) -> dict[str, Any]:
    return client.generate_presigned_post(
        BUCKET,
        "posted/${filename}",
        Fields={"Content-Type": "image/png", "success_action_status": "201"},
        Conditions=[
            {"Content-Type": "image/png"},
            {"success_action_status": "201"},
            ["starts-with", "$x-amz-meta-tag", "t-"],
            ["content-length-range", 3, 10],
        ],
        ExpiresIn=seconds,
    )


TAG = {"x-amz-meta-tag": "t-1"}


def test_twin_a_form_that_keeps_its_policy_is_stored(client: S3Client) -> None:
    assert send("POST", *form(policy(client), b"12345", TAG)).status == 201
    found = client.get_object(Bucket=BUCKET, Key="posted/a.png")
    assert found["Body"].read() == b"12345"
    assert found["ContentType"] == "image/png"


@pytest.mark.parametrize(
    ("data", "extra", "status", "code"),
    [
        (b"12", TAG, 400, "EntityTooSmall"),
        (b"12345678901", TAG, 400, "EntityTooLarge"),
        (b"12345", {"x-amz-meta-tag": "other"}, 403, "AccessDenied"),
        (b"12345", {}, 403, "AccessDenied"),
        (b"12345", TAG | {"Content-Type": "text/html"}, 403, "AccessDenied"),
        (b"12345", TAG | {"key": "elsewhere"}, 403, "AccessDenied"),
        (b"12345", TAG | {"x-amz-meta-more": "1"}, 403, "AccessDenied"),
        (b"12345", TAG | {"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        (b"12345", TAG | {"x-amz-algorithm": "AWS4-ECDSA-P256-SHA256"}, 400, "InvalidRequest"),
    ],
    ids=[
        "short",
        "long",
        "prefix",
        "missing",
        "eq",
        "key",
        "extra field",
        "signature",
        "mechanism",
    ],
)
def test_a_form_that_breaks_its_policy_is_refused(
    client: S3Client, data: bytes, extra: dict[str, str], status: int, code: str
) -> None:
    answer = send("POST", *form(policy(client), data, extra))
    assert (answer.status, answer.code) == (status, code)


def test_a_form_with_an_expired_policy_is_refused(client: S3Client) -> None:
    answer = send("POST", *form(policy(client, seconds=-1), b"12345", TAG))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"expired" in answer.body


def test_a_form_whose_policy_was_loosened_is_refused(client: S3Client) -> None:
    post = policy(client)
    loosened = json.loads(base64.b64decode(post["fields"]["policy"]))
    loosened["conditions"] = [c for c in loosened["conditions"] if "content-length-range" not in c]
    post["fields"]["policy"] = base64.b64encode(json.dumps(loosened).encode()).decode()
    assert send("POST", *form(post, b"1" * 11, TAG)).code == "SignatureDoesNotMatch"


def test_a_form_without_a_policy_is_refused(endpoint: str) -> None:
    post = {"url": f"{endpoint}/{BUCKET}", "fields": {"key": "anonymous"}}
    answer = send("POST", *form(post, b"12345"))
    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_a_form_with_a_field_twice_is_refused(client: S3Client) -> None:
    url, body, headers = form(policy(client), b"12345", TAG)
    second = b'--edge\r\nContent-Disposition: form-data; name="Key"\r\n\r\nother\r\n'
    assert send("POST", url, second + body, headers).code == "InvalidArgument"


def test_a_form_can_not_climb_out_of_its_prefix(client: S3Client) -> None:
    post = client.generate_presigned_post(
        BUCKET, "in/${filename}", Conditions=[["starts-with", "$key", "in/"]]
    )
    url, body, headers = form(post, b"12345")
    climbing = body.replace(b"in/${filename}", b"in/../out")
    assert send("POST", url, climbing, headers).code == "InvalidURI"
    assert send("POST", url, body, headers).status == 204
