"""Objects in a bucket: boto3 in threads, bounded in number, time and size."""

from __future__ import annotations

import base64
import hashlib
import uuid
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

import anyio
import boto3
from anyio.to_thread import run_sync
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.layers.logs import Event, log_event
from app.layers.uploads.refusals import StorageDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from app.layers.uploads.content import CleanFile
    from app.layers.uploads.settings import UploadsSettings

T = TypeVar("T")

CONNECT_SECONDS = 2
READ_SECONDS = 10
ATTEMPTS = 2


@cache
def _session() -> boto3.session.Session:
    """Return this process's session: reading botocore's models takes a third of a second."""
    return boto3.session.Session()


def make_client(settings: UploadsSettings) -> S3Client:
    """Return a client of the bucket's server; nothing is connected yet."""
    secret = settings.secret_access_key
    return _session().client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret is not None else None,
        config=Config(
            # boto3 would still presign with version 2, which S3 refuses in newer regions.
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=settings.concurrency,
            # An AWS_ENDPOINT_URL in the environment must not send files elsewhere.
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # not in the stubs
        ),
    )


def new_key(file: CleanFile) -> str:
    """Return a key that nobody can guess or choose; the extension is that of the content."""
    return f"{uuid.uuid4()}.{file.kind}"


class Storage:
    """The bucket. Every call raises `StorageDown` when it can't be done."""

    def __init__(self, client: S3Client, settings: UploadsSettings) -> None:
        self._client = client
        self._bucket = settings.bucket
        self._max_bytes = settings.max_clean_bytes
        self._threads = anyio.CapacityLimiter(settings.concurrency)

    async def put(self, file: CleanFile) -> str:
        """Store a file under a new key and return the key.

        Raises:
            StorageDown: it is not stored; if it was nevertheless, it has been deleted.
        """
        key = new_key(file)
        try:
            await self._call(
                partial(
                    self._client.put_object,
                    Bucket=self._bucket,
                    Key=key,
                    Body=file.data,
                    ContentType=file.media_type,
                    # Should the bucket ever be served as it is, browsers save and don't show.
                    ContentDisposition="attachment",
                    ServerSideEncryption="AES256",
                    ChecksumSHA256=base64.b64encode(file.sha256).decode("ascii"),
                )
            )
        except BaseException:
            # The answer may have been lost after the object was written.
            await self.discard(key)
            raise
        return key

    async def get(self, key: str, sha256: bytes) -> bytes:
        """Return an object that is what was once stored.

        Raises:
            StorageDown: it is not there, or has been changed or replaced.
        """
        data = await self._call(partial(self._read, key))
        if hashlib.sha256(data).digest() != sha256:
            log_event(Event.UPLOAD_VALIDATION, level="CRITICAL", reason="object_changed", key=key)
            raise StorageDown("object_changed")
        return data

    async def delete(self, key: str) -> None:
        """Delete an object; one that is not there counts as deleted."""
        await self._call(partial(self._client.delete_object, Bucket=self._bucket, Key=key))

    async def discard(self, key: str) -> None:
        """Delete what must not be left behind, even while the request is being cancelled.

        When that fails too, the log has the key.
        """
        with anyio.CancelScope(shield=True):
            try:
                await self.delete(key)
            except StorageDown:
                log_event(Event.UPLOAD_DELETE, level="ERROR", outcome="failure", key=key)

    async def answers(self) -> bool:
        """Whether the bucket is there and lets us in."""
        await self._call(partial(self._client.head_bucket, Bucket=self._bucket))
        return True

    def _read(self, key: str) -> bytes:
        found = self._client.get_object(Bucket=self._bucket, Key=key)
        with found["Body"] as body:
            return body.read(self._max_bytes + 1)

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await run_sync(call, limiter=self._threads)
        except ClientError as error:
            raise self._down(error.response.get("Error", {}).get("Code", "unknown")) from error
        except (BotoCoreError, OSError) as error:
            raise self._down(type(error).__name__) from error

    def _down(self, reason: str) -> StorageDown:
        log_event(Event.SYS_NOT_READY, component="storage", reason=reason)
        return StorageDown(reason)
