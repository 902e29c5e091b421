"""The dependency that an endpoint takes, and the order in which an upload is let in.

A dependency that read the body would read it before the endpoint's own rate limit is asked, and a
`File()` parameter before anything is asked at all (FastAPI parses forms first). So this one only
stands ready: access is decided, the limit is counted, then the endpoint says `receive()` and the
first byte is read.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from app.layers.authorization import CurrentUser  # noqa: TC001  FastAPI reads the signature
from app.layers.logs import Event, log_event
from app.layers.uploads.content import CleanFile, admit_head, clean
from app.layers.uploads.multipart import FileForm, boundary_of
from app.layers.uploads.refusals import (
    FileTooLarge,
    MalformedForm,
    StorageDown,
    TooSlow,
    UploadRefused,
    UploadsBusy,
)
from app.layers.uploads.storage import Storage, make_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.layers.uploads.multipart import PartHead, RawFile
    from app.layers.uploads.settings import UploadsSettings

BINARY = {"type": "string", "format": "binary"}
FORM_OF_ONE_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": BINARY},
                    "additionalProperties": False,
                },
                "encoding": {"file": {"contentType": "image/png, image/jpeg, image/webp"}},
            }
        },
    }
}
"""For `openapi_extra` of an endpoint that receives a file: FastAPI can't see that it does."""


class Uploads:
    """What the uploads of one worker share, at `app.state.uploads`."""

    def __init__(self, settings: UploadsSettings, storage: Storage | None) -> None:
        self.settings = settings
        self._storage = storage
        self._places = anyio.Semaphore(settings.concurrency)
        self._cleaners = anyio.CapacityLimiter(settings.cleaners)

    @property
    def storage(self) -> Storage:
        """The bucket.

        Raises:
            StorageDown: none is configured.
        """
        if self._storage is None:
            raise StorageDown("not_configured")
        return self._storage

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places in memory for the length of the block.

        Raises:
            UploadsBusy: none became free in time.
        """
        try:
            with anyio.fail_after(self.settings.wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            log_event(Event.UPLOAD_VALIDATION, reason="busy")
            raise UploadsBusy("busy") from None
        try:
            yield
        finally:
            self._places.release()

    async def clean(self, raw: RawFile) -> CleanFile:
        """Judge and clean a file in a thread; see `content.clean`."""
        return await run_sync(partial(clean, raw, self.settings), limiter=self._cleaners)


@asynccontextmanager
async def open_uploads(settings: UploadsSettings) -> AsyncIterator[Uploads]:
    """Open the uploads for the life of the application; storage is first asked when needed."""
    if not settings.bucket:
        yield Uploads(settings, None)
        return
    client = make_client(settings)
    try:
        yield Uploads(settings, Storage(client, settings))
    finally:
        client.close()


class IncomingFile:
    """A file that may be received: who sends it is known, and none of it has been read."""

    def __init__(self, request: Request, uploads: Uploads) -> None:
        self._request = request
        self._uploads = uploads

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[CleanFile]:
        """Read, judge and clean the file; it takes its place in memory until the block ends.

        Raises:
            UploadRefused: see the subclasses; the refusal is in the log.
            StorageDown: there is nowhere to store it, so it is not read.
        """
        _ = self._uploads.storage
        async with self._uploads.place():
            yield await self._take()

    async def _take(self) -> CleanFile:
        try:
            raw = await self._read()
            log_event(Event.UPLOAD_COMPLETE, size=len(raw.data))
            return await self._uploads.clean(raw)
        except UploadRefused as refusal:
            log_event(Event.UPLOAD_VALIDATION, reason=refusal.reason, status=refusal.status)
            raise

    async def _read(self) -> RawFile:
        settings = self._uploads.settings
        headers = self._request.headers
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > settings.max_request_bytes:
            raise FileTooLarge("request_bytes")
        form = FileForm(
            boundary_of(headers.get("content-type", "")), settings.max_file_bytes, self._admit
        )
        try:
            with anyio.fail_after(settings.receive_seconds):
                await self._feed(form)
        except TimeoutError:
            raise TooSlow("slow") from None
        except ClientDisconnect:
            raise MalformedForm("disconnected") from None
        return form.finish()

    async def _feed(self, form: FileForm) -> None:
        size = 0
        async for chunk in self._request.stream():
            size += len(chunk)
            if size > self._uploads.settings.max_request_bytes:
                raise FileTooLarge("request_bytes")
            form.feed(chunk)

    def _admit(self, head: PartHead) -> None:
        admit_head(head, self._uploads.settings.allowed_types)


async def _incoming(request: Request, access: CurrentUser) -> IncomingFile:
    del access  # asking for it is the point: no upload without a user, whatever the endpoint says
    uploads: Uploads = request.app.state.uploads
    return IncomingFile(request, uploads)


IncomingUpload = Annotated[IncomingFile, Depends(_incoming)]
"""For an endpoint's signature: `async with upload.receive() as file: …`."""
