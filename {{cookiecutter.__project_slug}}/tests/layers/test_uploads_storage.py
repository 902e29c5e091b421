"""Layer 9: what is asked of the storage, and what becomes of an object when it fails."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pydantic import SecretStr

from app.layers.uploads import CleanFile, Storage, StorageDown, UploadsSettings
from app.layers.uploads.storage import make_client

pytestmark = pytest.mark.anyio

FILE = CleanFile("../../name.php", "png", b"content")


class Bucket:
    """Stands for boto3's client: keeps what it is given, fails when it is told to."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.failures: dict[str, Exception] = {}

    def _fail(self, operation: str) -> None:
        if operation in self.failures:
            raise self.failures[operation]

    def put_object(self, **given: Any) -> None:
        self.objects[given["Key"]] = given
        self._fail("put")  # as when the answer is lost: the object is there all the same

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803  boto3's names
        assert Bucket == "files"
        self._fail("get")
        return {"Body": BytesIO(self.objects[Key]["Body"])}

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        assert Bucket == "files"
        self._fail("delete")
        self.objects.pop(Key, None)
        self.deleted.append(Key)


TIMEOUT = ReadTimeoutError(endpoint_url="http://storage")
DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
async def storage(bucket: Bucket) -> Storage:
    return Storage(cast("Any", bucket), UploadsSettings(bucket="files"))


async def test_an_object_is_stored_encrypted_summed_and_under_a_key_of_ours(
    storage: Storage, bucket: Bucket
) -> None:
    key = await storage.put(FILE)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.png", key)
    stored = bucket.objects[key]
    assert stored["ServerSideEncryption"] == "AES256"
    assert stored["ChecksumSHA256"] == "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="
    assert stored["ContentType"] == "image/png"
    assert stored["ContentDisposition"] == "attachment"
    assert "php" not in repr(stored), "nothing that the client named reaches the storage"
    assert key != await storage.put(FILE)


@pytest.mark.parametrize("failure", [TIMEOUT, DENIED, ConnectionResetError()])
async def test_a_put_that_fails_leaves_no_object_behind(
    storage: Storage, bucket: Bucket, failure: Exception
) -> None:
    bucket.failures["put"] = failure
    with pytest.raises(StorageDown) as caught:
        await storage.put(FILE)
    assert caught.value.status == 503
    assert bucket.objects == {}
    assert len(bucket.deleted) == 1


async def test_a_put_and_a_cleanup_that_fail_are_still_one_clear_refusal(
    storage: Storage, bucket: Bucket
) -> None:
    bucket.failures |= {"put": TIMEOUT, "delete": TIMEOUT}
    with pytest.raises(StorageDown):
        await storage.put(FILE)


async def test_an_object_is_read_back(storage: Storage) -> None:
    assert await storage.get(await storage.put(FILE), FILE.sha256) == FILE.data


async def test_an_object_that_was_replaced_is_not_served(storage: Storage, bucket: Bucket) -> None:
    key = await storage.put(FILE)
    bucket.objects[key]["Body"] = b"swapped"
    with pytest.raises(StorageDown) as caught:
        await storage.get(key, FILE.sha256)
    assert caught.value.reason == "object_changed"


async def test_an_object_that_grew_is_not_read_to_its_end(bucket: Bucket) -> None:
    small = UploadsSettings(bucket="files", max_clean_bytes=1_024)
    storage = Storage(cast("Any", bucket), small)
    key = await storage.put(FILE)
    stream = BytesIO(bytes(10_000_000))
    bucket.get_object = lambda **_: {"Body": stream}  # type: ignore[method-assign]
    read = stream.read
    sizes: list[int | None] = []
    stream.read = lambda size=None: sizes.append(size) or read(size)  # type: ignore[method-assign,func-returns-value]
    with pytest.raises(StorageDown):
        await storage.get(key, FILE.sha256)
    assert sizes == [1_025]


SETTINGS = UploadsSettings(
    bucket="files",
    endpoint_url="http://127.0.0.1:9",
    access_key_id="id",
    secret_access_key=SecretStr("secret"),
)


async def test_a_storage_that_is_not_there_is_a_503() -> None:
    with pytest.raises(StorageDown) as caught:
        await Storage(make_client(SETTINGS), SETTINGS).answers()
    assert caught.value.status == 503
    assert caught.value.headers["Retry-After"].isdigit()


async def test_the_client_goes_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://evil.example")
    client = make_client(UploadsSettings(bucket="files", region="eu-central-1"))
    assert client.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"


async def test_the_client_signs_with_version_4_also_in_advance() -> None:
    client = make_client(SETTINGS)
    url = client.generate_presigned_url("get_object", Params={"Bucket": "files", "Key": "x"})
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
