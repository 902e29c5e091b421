"""What may be uploaded, and where it is kept: `UPLOADS__*`."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from app.layers import LayerSettings, comma_separated

ImageType = Literal["png", "jpeg", "webp"]

FORM_OVERHEAD = 8_192
"""Bytes that boundary and part headers of a form with one file may take."""


class UploadsSettings(LayerSettings):
    """`UPLOADS__*`."""

    endpoint_url: str | None = None
    """URL of an S3-compatible server; none for AWS itself."""
    region: str = "us-east-1"
    bucket: str = ""
    """Without one nothing can be uploaded: the endpoints answer 503."""
    access_key_id: str | None = None
    """Keys of the bucket; none for those of the machine's own role on AWS."""
    secret_access_key: SecretStr | None = None

    allowed_types: Annotated[tuple[ImageType, ...], comma_separated] = ("png", "jpeg", "webp")
    max_file_bytes: int = Field(default=5_000_000, ge=1_024, le=50_000_000)
    max_request_bytes: int = Field(default=5_000_000 + FORM_OVERHEAD, ge=1_024)
    """Bytes of a whole upload request, the form around the file included."""
    max_clean_bytes: int = Field(default=20_000_000, ge=1_024)
    """Bytes of the clean copy, which may be larger than the file that came."""
    max_pixels: int = Field(default=24_000_000, ge=1, le=80_000_000)
    """Width times height."""
    concurrency: int = Field(default=8, ge=1, le=64)
    """Uploads that a worker holds in memory at once; the next ones wait."""
    cleaners: int = Field(default=2, ge=1, le=16)
    """Files that a worker cleans at once: each takes a core, and up to 16 bytes a pixel."""
    receive_seconds: float = Field(default=30.0, gt=0, le=300)
    """How long the body of an upload may take to arrive."""
    wait_seconds: float = Field(default=5.0, gt=0, le=60)
    """How long an upload waits for a free place before it is told to come back."""

    @field_validator("endpoint_url")
    @classmethod
    def _is_a_url(cls, url: str | None) -> str | None:
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("must be an http or https URL without credentials")
        return url

    @field_validator("allowed_types")
    @classmethod
    def _allows_something(cls, types: tuple[ImageType, ...]) -> tuple[ImageType, ...]:
        if not types:
            raise ValueError("must name at least one type")
        return types

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together")
        if self.max_request_bytes < self.max_file_bytes + FORM_OVERHEAD:
            raise ValueError(f"max_request_bytes must be max_file_bytes + {FORM_OVERHEAD} or more")
        return self
