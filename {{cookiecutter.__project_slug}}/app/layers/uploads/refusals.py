"""How an upload is refused: an answer for the client and a reason for the log."""

from __future__ import annotations

from typing import ClassVar

from app.errors import ServiceError


class UploadRefused(ServiceError):
    """Base of every refusal.

    Args:
        reason: one word of ours for the log, such as `trailing_bytes`.
        detail: one sentence for the client, a constant of the code.
    """

    layer = "uploads"
    default_detail: ClassVar[str] = "The upload was refused."
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same request may well succeed."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        super().__init__(detail or self.default_detail, headers=headers)
        self.reason = reason


class MalformedForm(UploadRefused):
    """400: no form with exactly one file."""

    status, slug = 400, "malformed"
    default_detail = "The body must be a form with exactly one file, in a part named file."


class TooSlow(UploadRefused):
    """408: the body did not arrive in time."""

    status, slug = 408, "too-slow"
    default_detail = "The upload took too long to arrive."


class FileTooLarge(UploadRefused):
    """413: more bytes than an upload may have."""

    status, slug = 413, "too-large"
    default_detail = "The file is too large."


class UnsupportedFile(UploadRefused):
    """415: not one of the types that are taken, or not the type it says it is."""

    status, slug = 415, "unsupported-media-type"
    default_detail = "Only images are taken whose name, declared type and content agree."


class UnacceptableFile(UploadRefused):
    """422: of a type that is taken, but broken, too large to unpack, or more than one image."""

    status, slug = 422, "unacceptable-file"
    default_detail = "The file is not one intact image of an acceptable size."


class UploadsBusy(UploadRefused):
    """503: as many uploads in hand as this worker holds."""

    status, slug, retry_after = 503, "unavailable", 5
    default_detail = "Too many uploads at once; try again soon."


class StorageDown(UploadRefused):
    """503: the storage does not answer, or not as it should."""

    status, slug, retry_after = 503, "unavailable", 30
    default_detail = "Files can't be stored or read at the moment."


REFUSALS: tuple[type[UploadRefused], ...] = (
    MalformedForm,
    TooSlow,
    FileTooLarge,
    UnsupportedFile,
    UnacceptableFile,
    UploadsBusy,
    StorageDown,
)
"""All of them, for the description of an endpoint that receives a file."""
