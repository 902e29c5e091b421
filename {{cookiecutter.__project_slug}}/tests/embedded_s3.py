"""The embedded S3 as its own process, on a free port, for tests that need a real one."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from mirakuru import HTTPExecutor

from dev.runner import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

ACCESS_KEY_ID = "AKIDEMBEDDED"
SECRET = "secret-of-the-tests"
REGION = "us-east-1"
BUCKET = "clean"
PROJECT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "dev.s3"]
ENVIRONMENT = {
    **os.environ,
    "UPLOADS__ACCESS_KEY_ID": ACCESS_KEY_ID,
    "UPLOADS__SECRET_ACCESS_KEY": SECRET,
}


@contextmanager
def running_s3() -> Iterator[str]:
    """Run one until the block ends; give its URL."""
    port = free_port()
    server = HTTPExecutor(
        [*COMMAND, "--port", str(port), "--bucket", BUCKET],
        f"http://127.0.0.1:{port}/_ready",
        cwd=str(PROJECT),
        envvars=ENVIRONMENT,
        timeout=30,
    )
    with server:
        yield f"http://127.0.0.1:{port}"


def make_client(endpoint: str, signature_version: str = "s3v4") -> S3Client:
    """Return a plain boto3 client that holds the right keys and tries once."""
    options: Any = {
        "signature_version": signature_version,
        "s3": {"addressing_style": "path"},
        "retries": {"total_max_attempts": 1},
    }
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(**options),
    )


def upload_settings(endpoint: str) -> dict[str, str]:
    """Return the service's settings for this server."""
    return {
        "UPLOADS__ENDPOINT_URL": endpoint,
        "UPLOADS__REGION": REGION,
        "UPLOADS__BUCKET": BUCKET,
        "UPLOADS__ACCESS_KEY_ID": ACCESS_KEY_ID,
        "UPLOADS__SECRET_ACCESS_KEY": SECRET,
    }
