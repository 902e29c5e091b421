"""Sends raw requests, signed by botocore, which nobody here wrote."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.embedded_s3 import ACCESS_KEY_ID, BUCKET, REGION, SECRET


class Answer(NamedTuple):
    """What came back."""

    status: int
    code: str
    body: bytes


def send(method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """Send exactly these bytes and headers; no library mends the target on the way."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with closing(http.client.HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        content = response.read()
    text = content.decode("utf-8", "replace")
    code = text.partition("<Code>")[2].partition("</Code>")[0]
    return Answer(response.status, code, content)


class Sender(NamedTuple):
    """Signs with botocore and sends; what is tampered with is tampered with after signing."""

    endpoint: str

    def signed(  # noqa: PLR0913  each argument is one thing that can be wrong with a signature
        self,
        method: str = "PUT",
        key: str = "object",
        body: bytes = b"content",
        *,
        headers: dict[str, str] | None = None,
        after: dict[str, str] | None = None,
        sent: bytes | None = None,
        payload: str | None = None,
        access_key_id: str = ACCESS_KEY_ID,
        secret: str = SECRET,
        scope: tuple[str, str] = (REGION, "s3"),
        path: str | None = None,
    ) -> Answer:
        url = f"{self.endpoint}{path if path is not None else f'/{BUCKET}/{key}'}"
        request = AWSRequest(method, url, data=body, headers=headers or {})
        region, service = scope
        credentials = Credentials(access_key_id, secret)
        signer = botocore.auth.S3SigV4Auth(credentials, service, region)
        if payload is not None:
            # The signer would hash the body; what the test says it hashes to takes that place.
            signer.payload = lambda request: payload  # type: ignore[method-assign]  # noqa: ARG005
        signer.add_auth(request)
        final = {**dict(request.headers.items()), **(after or {})}
        return send(method, url, body if sent is None else sent, final)
