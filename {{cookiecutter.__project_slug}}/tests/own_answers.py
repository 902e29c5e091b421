"""Requests that nginx answers by itself, whatever the application is."""

from __future__ import annotations

from typing import NamedTuple

from tests.raw import request


class OwnAnswer(NamedTuple):
    """A request, and the problem that nginx makes of it."""

    sent: bytes
    status: int
    slug: str


OWN_ANSWERS = {
    "a NUL": OwnAnswer(request("/%00"), 400, "malformed"),
    "no escape": OwnAnswer(request("/%zz"), 400, "malformed"),
    "two hosts": OwnAnswer(request("/", "Host: localhost"), 400, "malformed"),
    "a large header": OwnAnswer(request("/", "A: " + "a" * 9_000), 400, "malformed"),
    "its own page": OwnAnswer(request("/__problem"), 404, "not-found"),
    "TRACE": OwnAnswer(request(method="TRACE"), 405, "method-not-allowed"),
    "PROPFIND": OwnAnswer(request(method="PROPFIND"), 405, "method-not-allowed"),
    "too large": OwnAnswer(
        request("/", "Content-Length: 7000000", method="POST"), 413, "too-large"
    ),
    "too long": OwnAnswer(request("/" + "a" * 9_000), 414, "uri-too-long"),
    "another host": OwnAnswer(request(host="evil.example"), 421, "wrong-host"),
    "another coding": OwnAnswer(
        request("/", "Transfer-Encoding: x", method="POST"), 501, "not-implemented"
    ),
    "another version": OwnAnswer(request().replace(b"HTTP/1.1", b"HTTP/2.1"), 505, "http-version"),
}
"""429 and 502 need more than a request: see `test_https_floods.py`."""

OF_THE_FIRST_LINE = frozenset({"a NUL", "no escape", "two hosts", "too long", "another version"})
"""Refused before nginx gets as far as to the Origin, so they are readable for nobody."""
