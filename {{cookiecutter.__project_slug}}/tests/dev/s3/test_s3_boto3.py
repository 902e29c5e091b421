"""What plain boto3 does with the embedded S3."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.embedded_s3 import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_boto3_stores_reads_lists_and_deletes_an_object(client: S3Client) -> None:
    body = os.urandom(300_000)
    client.put_object(
        Bucket=BUCKET,
        Key="folder/ä +~.bin",
        Body=body,
        ContentType="application/octet-stream",
        ServerSideEncryption="AES256",
        ChecksumAlgorithm="SHA256",
        Metadata={"purpose": "test"},
    )
    found = client.get_object(Bucket=BUCKET, Key="folder/ä +~.bin")
    assert found["Body"].read() == body
    assert found["ServerSideEncryption"] == "AES256"
    assert found["Metadata"] == {"purpose": "test"}
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix="folder/")
    assert [item["Key"] for item in listed["Contents"]] == ["folder/ä +~.bin"]
    client.delete_object(Bucket=BUCKET, Key="folder/ä +~.bin")
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.get_object(Bucket=BUCKET, Key="folder/ä +~.bin")


def test_boto3_deletes_many_at_once(client: S3Client) -> None:
    for key in ("many/1", "many/2"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "many/1"}, {"Key": "many/2"}]})
    assert client.list_objects_v2(Bucket=BUCKET, Prefix="many/")["KeyCount"] == 0


def test_a_file_object_of_megabytes_is_stored(client: S3Client) -> None:
    body = os.urandom(5_000_000)
    client.put_object(Bucket=BUCKET, Key="large", Body=io.BytesIO(body))
    assert client.get_object(Bucket=BUCKET, Key="large")["Body"].read() == body


def test_a_type_that_moto_would_lose_is_refused_clearly(client: S3Client) -> None:
    kind = "application/x-www-form-urlencoded"
    with pytest.raises(ClientError, match="NotImplemented"):
        client.put_object(Bucket=BUCKET, Key="form", Body=b"a=b", ContentType=kind)
