"""One request as the gate reads it: decoded once, and only if it can be read in one way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from dev.s3.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Everything lies in memory here, so this is far below S3's 5 GiB."""
MAX_KEY_BYTES = 1024

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request, percent-decoded once. Header names are lower case."""

    method: str
    bucket: str
    key: str
    path: str
    query: Pairs
    headers: Mapping[str, str]

    def parameter(self, name: str) -> str | None:
        """Return the query parameter of this name."""
        return dict(self.query).get(name)


def _decode(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise RefusedError(400, "InvalidURI", "The URI is not UTF-8.") from None


def check_key(key: str) -> str:
    """Return the key, if it is one that stays where it is put.

    Raises:
        RefusedError: too long, a control character, or a segment that a file system would climb.
    """
    if len(key.encode()) > MAX_KEY_BYTES:
        raise RefusedError(400, "KeyTooLongError", "A key has at most 1024 bytes.")
    if any(segment in {".", ".."} for segment in re.split(r"[/\\]", key)):
        raise RefusedError(400, "InvalidURI", "A key must not have '.' or '..' as a segment.")
    if any(ord(character) < ord(" ") or character == "\x7f" for character in key):
        raise RefusedError(400, "InvalidURI", "A key must not hold control characters.")
    return key


def read_request(environ: WSGIEnvironment) -> Incoming:
    """Return the request without its body.

    Raises:
        RefusedError: the target or the framing can be read in two ways.
    """
    # http.server reads the request line as Latin-1; a client that percent-encodes sends ASCII.
    target: str = environ["REQUEST_URI"]
    raw_path, _, raw_query = target.partition("?")
    if not target.isascii() or not raw_path.startswith("/"):
        raise RefusedError(400, "InvalidURI", "The request target must be an encoded path.")
    path = _decode(raw_path)
    bucket, _, key = path[1:].partition("/")
    pairs = [item.partition("=") for item in raw_query.split("&") if item]
    query = tuple((_decode(name), _decode(value)) for name, _, value in pairs)
    if len({name for name, _ in query}) != len(query):
        raise RefusedError(400, "InvalidArgument", "A query parameter is given twice.")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    if "transfer-encoding" in headers and "content-length" in headers:
        raise RefusedError(400, "InvalidRequest", "Content-Length beside Transfer-Encoding.")
    return Incoming(environ["REQUEST_METHOD"], bucket, check_key(key), path, query, headers)


def read_body(environ: WSGIEnvironment, request: Incoming) -> bytes:
    """Return the body, all of it.

    Raises:
        RefusedError: longer than 64 MiB, or it ended early.
    """
    if "transfer-encoding" in request.headers:
        body: bytes = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
        expected = len(body)
    else:
        declared = request.headers.get("content-length") or "0"
        if re.fullmatch(r"[0-9]{1,12}", declared) is None:
            raise RefusedError(400, "InvalidArgument", "Content-Length is not a number.")
        expected = int(declared)
        body = b"" if expected > MAX_BODY_BYTES else environ["wsgi.input"].read(expected)
    if expected > MAX_BODY_BYTES:
        raise RefusedError(400, "EntityTooLarge", "The body is larger than this server keeps.")
    if len(body) != expected:
        raise RefusedError(400, "IncompleteBody", "The body ended before its declared length.")
    return body


def canonical_query(pairs: Pairs) -> str:
    """Return the pairs as SigV4 encodes and sorts them."""
    encoded = ((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
