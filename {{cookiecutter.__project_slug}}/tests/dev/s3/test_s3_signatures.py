"""Who may ask: signatures in the header. Each refusal, and what must pass."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.dev.s3.sending import Sender, send
from tests.embedded_s3 import ACCESS_KEY_ID, BUCKET, REGION, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable


def test_twin_a_signed_request_is_stored(sender: Sender) -> None:
    assert sender.signed().status == 200


def test_an_anonymous_request_is_refused(endpoint: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        answer = send(method, f"{endpoint}/{BUCKET}/object", b"x" * (method == "PUT"))
        assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"secret": "wrong"}, 403, "SignatureDoesNotMatch"),
        ({"access_key_id": "AKIDOTHER"}, 403, "InvalidAccessKeyId"),
        ({"scope": ("eu-west-1", "s3")}, 400, "AuthorizationHeaderMalformed"),
        ({"scope": (REGION, "sts")}, 400, "AuthorizationHeaderMalformed"),
        ({"after": {"Authorization": "AWS4-HMAC-SHA256 x"}}, 400, "AuthorizationHeaderMalformed"),
        ({"after": {"x-amz-meta-added": "1"}}, 403, "AccessDenied"),
        ({"after": {"Authorization": f"AWS {ACCESS_KEY_ID}:c2ln"}}, 400, "InvalidRequest"),
        ({"headers": {"X-Amz-Security-Token": "token"}}, 400, "InvalidToken"),
    ],
    ids=["secret", "key id", "region", "service", "malformed", "unsigned header", "v2", "token"],
)
def test_a_wrong_signature_is_refused(
    sender: Sender, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = sender.signed(**changes)
    assert (answer.status, answer.code) == (status, code)


def test_a_signature_for_another_object_is_refused(endpoint: str) -> None:
    request = AWSRequest("PUT", f"{endpoint}/{BUCKET}/mine", data=b"x")
    signer = botocore.auth.S3SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET), "s3", REGION)
    signer.add_auth(request)
    headers = dict(request.headers.items())
    assert send("PUT", f"{endpoint}/{BUCKET}/yours", b"x", headers).code == "SignatureDoesNotMatch"
    assert send("PUT", f"{endpoint}/{BUCKET}/mine", b"x", headers).status == 200


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_off_by_more_than_a_quarter_hour_is_refused(
    sender: Sender, shift_clock: Callable[[timedelta], None], minutes: int
) -> None:
    shift_clock(timedelta(minutes=minutes))
    answer = sender.signed()
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_twin_a_clock_off_by_less_passes(
    sender: Sender, shift_clock: Callable[[timedelta], None], minutes: int
) -> None:
    shift_clock(timedelta(minutes=minutes))
    assert sender.signed().status == 200
