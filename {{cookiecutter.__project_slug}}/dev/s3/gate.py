"""The gate: a WSGI application that admits a request, or answers as S3 would have refused it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dev.s3.forward import environ_for_moto
from dev.s3.incoming import Incoming, check_key, read_body, read_request
from dev.s3.payload import check_checksums, open_payload
from dev.s3.policy import check_policy, read_form
from dev.s3.refusals import RefusedError, denied, not_offered
from dev.s3.signature import AUTH_PARAMETERS, authenticate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from dev.s3.signature import Keys

READY_PATH = "/_ready"
"""No bucket can have this name: an underscore is not allowed in one."""
_LIST = frozenset(
    {"list-type", "prefix", "delimiter", "max-keys", "encoding-type", "continuation-token"}
    | {"start-after", "marker", "fetch-owner"}
)
_GET = frozenset(
    f"response-{name}"
    for name in ("cache-control", "content-disposition", "content-encoding", "content-type")
)
_OFFERED: Mapping[tuple[str, str], frozenset[str]] = {
    ("bucket", "GET"): _LIST,
    ("bucket", "HEAD"): frozenset(),
    ("bucket", "POST"): frozenset({"delete"}),
    ("object", "GET"): _GET,
    ("object", "HEAD"): frozenset(),
    ("object", "PUT"): frozenset(),
    ("object", "DELETE"): frozenset(),
}
"""What may be asked of a bucket and an object, and with which query parameters."""
_STORED_HEADERS = frozenset(
    {"content-type", "content-disposition", "content-encoding", "content-language"}
    | {"cache-control", "expires", "range", "if-match", "if-none-match", "content-md5"}
    | {"x-amz-server-side-encryption", "x-amz-sdk-checksum-algorithm"}
)
_TRANSPORT_HEADERS = frozenset(
    f"x-amz-{name}" for name in ("date", "content-sha256", "decoded-content-length", "trailer")
) | {"x-amz-user-agent"}
_FORM_FIELDS = frozenset(
    {"bucket", "key", "policy", "success_action_status"}
    | {f"x-amz-{name}" for name in ("algorithm", "credential", "date", "signature")}
)
_HEADER = re.compile(r"[a-z0-9-]+:[ -~]*")


def _is_stored(name: str) -> bool:
    return name in _STORED_HEADERS or name.startswith(("x-amz-meta-", "x-amz-checksum-"))


def _check_encryption(headers: Mapping[str, str]) -> None:
    if headers.get("x-amz-server-side-encryption", "AES256") != "AES256":
        raise RefusedError(400, "InvalidEncryptionAlgorithmError", "AES256 only.")


class Gate:
    """Judges every request, then hands moto one of its own making.

    Args:
        moto: moto's S3 application.
        keys: the keys that requests must be signed with.
        buckets: those made at start; there are no others.
        now: the time in UTC.
    """

    def __init__(
        self,
        moto: WSGIApplication,
        keys: Keys,
        buckets: frozenset[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.moto = moto
        self.keys = keys
        self.buckets = buckets
        self.now = now

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        head = environ["REQUEST_METHOD"] == "HEAD"
        try:
            request = read_request(environ)
            if request.path == READY_PATH and request.method in {"GET", "HEAD"}:
                start_response("200 OK", [("Content-Length", "0")])
                return []
            if self._is_form(request):
                return self._take_form(request, environ, start_response)
            forwarded = self._admit(request, environ)
        except RefusedError as refusal:
            return refusal.answer(start_response, head=head)
        return self.moto(forwarded, start_response)

    def _is_form(self, request: Incoming) -> bool:
        """A form carries its signature inside, where a request carries it around itself."""
        kind = request.headers.get("content-type", "").lower()
        return request.method == "POST" and not request.key and kind.startswith("multipart/")

    def _admit(self, request: Incoming, environ: WSGIEnvironment) -> WSGIEnvironment:
        """Return the request for moto.

        Raises:
            RefusedError: at the first thing that does not hold.
        """
        declared = authenticate(request, self.keys, self.now())
        self._check_place(request)
        level = "object" if request.key else "bucket"
        offered = _OFFERED.get((level, request.method))
        if offered is None:
            raise not_offered(f"{request.method} on this {level}")
        query = tuple(item for item in request.query if item[0] not in AUTH_PARAMETERS | {"x-id"})
        if not {name for name, _ in query} <= offered:
            raise not_offered("an operation with these query parameters")
        for name in request.headers:
            if name.startswith("x-amz-") and not (_is_stored(name) or name in _TRANSPORT_HEADERS):
                raise not_offered(f"the header {name}")
        _check_encryption(request.headers)
        headers, body = open_payload(request, declared, read_body(environ, request))
        if level == "bucket" and request.method == "POST":
            self._check_delete(query, headers)
        stored = {name: value for name, value in headers.items() if _is_stored(name)}
        return environ_for_moto(request.method, request.path, query, stored, body)

    def _check_place(self, request: Incoming) -> None:
        if not request.bucket:
            raise not_offered("operations on the whole service")
        if request.bucket in self.buckets:
            return
        if request.method == "PUT" and not request.key:
            raise denied("Buckets are made when this server starts, by --bucket.")
        raise RefusedError(404, "NoSuchBucket", "The specified bucket does not exist.")

    def _check_delete(self, query: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> None:
        if ("delete", "") not in query:
            raise not_offered("this POST")
        if not any(name.startswith(("content-md5", "x-amz-checksum-")) for name in headers):
            raise RefusedError(400, "InvalidRequest", "Deleting many takes a checksum.")

    def _take_form(
        self, request: Incoming, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Verify a POST policy, and store the file as the PUT it amounts to."""
        if request.query or "authorization" in request.headers:
            raise RefusedError(400, "InvalidArgument", "Only one auth mechanism is allowed.")
        self._check_place(request)
        form = read_form(request.headers["content-type"], read_body(environ, request))
        check_policy(form, request.bucket, self.keys, self.now())
        key = check_key(form.fields["key"])
        status = {"200": "200 OK", "201": "201 Created"}.get(
            form.fields.get("success_action_status", ""), "204 No Content"
        )
        rest = {name for name in form.fields if not name.startswith("x-ignore-")} - _FORM_FIELDS
        if unknown := [name for name in rest if not _is_stored(name)]:
            raise not_offered(f"the form field {unknown[0]}")
        headers = {name: form.fields[name] for name in rest}
        if not all(_HEADER.fullmatch(f"{name}:{value}") for name, value in headers.items()):
            raise RefusedError(400, "InvalidArgument", "A field can't become a header.")
        _check_encryption(headers)
        check_checksums(headers, form.data)
        path = f"/{request.bucket}/{key}"
        stored = environ_for_moto("PUT", path, (), headers, form.data)

        # The form's own success status is what its sender asked for; a failure stays moto's.
        def start(moto_status: str, moto_headers: list[tuple[str, str]], *_: object) -> object:
            failed = not moto_status.startswith("2")
            return start_response(moto_status if failed else status, moto_headers)

        return self.moto(stored, start)  # type: ignore[arg-type]
