"""Where requests may reach, and the command that starts the server."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from dev.runner import free_port
from tests.dev.s3.sending import Sender, send
from tests.embedded_s3 import BUCKET, COMMAND, ENVIRONMENT, PROJECT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_only_the_buckets_made_at_start_exist(client: S3Client, sender: Sender) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        client.create_bucket(Bucket="another")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        client.put_object(Bucket="another", Key="x", Body=b"x")
    client.head_bucket(Bucket=BUCKET)
    assert sender.signed("GET", path="/").code == "NotImplemented"


@pytest.mark.parametrize(
    "key", ["../other/x", "%2e%2e/other", "a/%2e%2e%2fb", "a/..%5cb", "./x", "nul%00", "%ff"]
)
def test_a_key_that_climbs_is_refused(sender: Sender, key: str) -> None:
    answer = sender.signed(key=key)
    assert (answer.status, answer.code) == (400, "InvalidURI")


@pytest.mark.parametrize("key", ["a..b", "..a/b", "a/b.", "%C3%A4"])
def test_twin_a_key_with_dots_passes(sender: Sender, key: str) -> None:
    assert sender.signed(key=key).status == 200


def test_what_moto_offers_beside_s3_is_not_reachable(sender: Sender, endpoint: str) -> None:
    assert send("POST", f"{endpoint}/moto-api/reset").code == "AccessDenied"
    assert sender.signed("POST", path="/moto-api/reset").code == "NoSuchBucket"
    assert send("GET", f"{endpoint}/latest/meta-data/").code == "AccessDenied"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "?policy="), ("PUT", "?acl="), ("GET", "/x?tagging="), ("POST", "/x?uploads=")],
)
def test_what_is_not_offered_says_so(sender: Sender, method: str, path: str) -> None:
    answer = sender.signed(method, path=f"/{BUCKET}{path}")
    assert (answer.status, answer.code) == (501, "NotImplemented")


def test_an_acl_or_a_copy_is_refused_instead_of_ignored(sender: Sender) -> None:
    for headers in ({"x-amz-acl": "public-read"}, {"x-amz-copy-source": f"/{BUCKET}/object"}):
        assert sender.signed(headers=headers).code == "NotImplemented"
    weak = {"x-amz-server-side-encryption": "none"}
    assert sender.signed(headers=weak).code == "InvalidEncryptionAlgorithmError"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost"])  # noqa: S104  refused
def test_any_other_address_than_loopback_is_refused(host: str) -> None:
    done = subprocess.run(  # noqa: S603  a fixed command
        [*COMMAND, "--host", host, "--port", "1", "--bucket", BUCKET],
        cwd=PROJECT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert "is not a loopback address" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_one_line_and_stops_on_sigterm() -> None:
    port = str(free_port())
    command = [*COMMAND, "--port", port, "--bucket", BUCKET]
    with subprocess.Popen(  # noqa: S603  a fixed command
        command, cwd=PROJECT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line == f"S3 is ready on http://127.0.0.1:{port}\n".encode()
        assert send("GET", f"http://127.0.0.1:{port}/_ready").status == 200
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=20)
    assert (server.returncode, out, err) == (0, b"", b"")
