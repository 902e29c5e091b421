"""The request that moto is handed: made anew from what was judged.

What was judged is what is done, since moto never reads the client's bytes in a way of its own.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dev.s3.incoming import canonical_query
from dev.s3.payload import CHECKSUMS
from dev.s3.refusals import not_offered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

    from dev.s3.incoming import Pairs

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def environ_for_moto(
    method: str, path: str, query: Pairs, headers: Mapping[str, str], body: bytes
) -> WSGIEnvironment:
    """Return a fresh WSGI request; nothing of the client's environment is carried over.

    Raises:
        RefusedError: a PUT that moto would store as an empty object.
    """
    kind = headers.get("content-type", "")
    if method == "PUT" and kind.lower().startswith(_FORMS):
        raise not_offered("objects of a form's content type, since moto would parse them away")
    target = quote(path, safe="/-_.~")
    text = canonical_query(query)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": text,
        "RAW_URI": f"{target}?{text}" if text else target,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        # moto reads a bucket out of the host name, unless it is this one.
        "HTTP_HOST": "localhost",
        # moto only looks whether there is one; the gate has verified the client's.
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=gate/20260101/us-east-1/s3/aws4_request",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": kind,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    environ |= {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in headers.items()
        if name != "content-type"
    }
    if method == "PUT" and (sums := [name for name in headers if name in CHECKSUMS]):
        # moto keeps a checksum only beside its announcement; S3 keeps every one.
        environ["HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"] = sums[0].rpartition("-")[2].upper()
    return environ
