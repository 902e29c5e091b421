"""What the client is told about a request that has the wrong form or size."""

from __future__ import annotations

from app.errors import ServiceError


class UnsupportedMediaType(ServiceError):
    """415: the body is not in a form that this endpoint reads."""

    status, slug, layer = 415, "unsupported-media-type", "validation"


class TooLarge(ServiceError):
    """413: the body is larger than this endpoint reads."""

    status, slug, layer = 413, "too-large", "validation"


class UriTooLong(ServiceError):
    """414: the path or the query is longer than any of ours."""

    status, slug, layer = 414, "uri-too-long", "validation"


class TooManyHeaders(ServiceError):
    """431: more header fields, or longer ones, than any client of ours sends."""

    status, slug, layer = 431, "too-many-headers", "validation"
