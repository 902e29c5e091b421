"""Layer 9 under attack: files that are not what they say, and bodies that should not be read."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from botocore.config import Config
from PIL import Image

from tests import images, raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from tests.stack import Account, Stack

FILES = "/api/v1/files"
MAX_FILE_BYTES = 5_000_000
KINDS = ("png", "jpeg", "webp")
PROXIED = ("X-Forwarded-For: 198.51.100.9", "X-Forwarded-Proto: https")


@pytest.fixture
def account(stack: Stack) -> Account:
    return stack.signup()


def send(
    account: Account, data: bytes, kind: str = "png", name: str | None = None, declared: str = ""
) -> httpx.Response:
    given = images.form(data, name or f"picture.{kind}", declared or images.MEDIA_TYPES[kind])
    return account.client.post(FILES, files=given)


def assert_refused(
    stack: Stack, answer: httpx.Response, status: int, kind: str, reason: str
) -> None:
    """The answer is a problem of this status, and the log has the reason."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:problem:{kind}"
    assert answer.headers["x-content-type-options"] == "nosniff"
    request_id = answer.json()["request_id"]
    (line,) = stack.log_lines("upload_validation", request_id=request_id)
    assert line["app.reason"] == reason
    assert line["log.level"] == "warning"


# Content that is not what it says.


@pytest.mark.parametrize(
    ("kind", "tail"), [("jpeg", images.jar()), ("png", images.PAYLOAD), ("webp", images.PAYLOAD)]
)
def test_attack_a_polyglot_is_refused(stack: Stack, kind: str, tail: bytes) -> None:
    attacker = stack.signup()
    answer = send(attacker, images.encode(kind) + tail, kind)
    assert_refused(stack, answer, 422, "unacceptable-file", "trailing_bytes")
    assert attacker.client.get(FILES).json()["items"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_twin_the_same_image_alone_is_stored_and_comes_back(account: Account, kind: str) -> None:
    made = send(account, images.encode(kind), kind)
    assert made.status_code == 201, made.text
    found = account.client.get(f"{FILES}/{made.json()['id']}")
    assert Image.open(BytesIO(found.content)).size == images.picture().size


@pytest.mark.parametrize(
    ("name", "declared", "data", "reason"),
    [
        ("shell.php", "image/png", images.encode("png"), "extension"),
        ("page.svg", "image/svg+xml", b"<svg onload='alert(1)'/>", "extension"),
        ("picture.png", "text/html", images.encode("png"), "declared_type"),
        ("picture.png", "image/png", images.PAYLOAD, "magic"),
        ("picture.png", "image/png", images.encode("jpeg"), "content_type"),
    ],
)
def test_attack_a_script_under_another_name_is_refused(
    stack: Stack, name: str, declared: str, data: bytes, reason: str
) -> None:
    answer = send(stack.signup(), data, name=name, declared=declared)
    assert_refused(stack, answer, 415, "unsupported-media-type", reason)


def test_twin_a_name_with_dots_and_an_upper_case_extension_is_stored(account: Account) -> None:
    assert send(account, images.encode("png"), name="my.php.holiday.PNG").status_code == 201


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (images.bomb(50_000, 50_000, 1, 0), "pixels"),
        (images.bomb(13_000, 13_000), "pixels"),
        (images.text_bomb(), "undecodable"),
    ],
    ids=["50,000 square", "13,000 square", "text"],
)
def test_attack_a_bomb_is_refused(stack: Stack, data: bytes, reason: str) -> None:
    answer = send(stack.signup(), data)
    assert_refused(stack, answer, 422, "unacceptable-file", reason)


def test_twin_a_picture_of_twelve_million_pixels_is_stored(account: Account) -> None:
    data = images.encode("jpeg", images.picture(size=(4_000, 3_000)))
    assert send(account, data, "jpeg").status_code == 201


def test_attack_a_jpeg_of_endless_scans_is_refused(stack: Stack) -> None:
    answer = send(stack.signup(), images.scan_bomb(10_000), "jpeg")
    assert_refused(stack, answer, 422, "unacceptable-file", "scans")


def test_twin_a_progressive_jpeg_is_stored(account: Account) -> None:
    assert send(account, images.encode("jpeg", progressive=True), "jpeg").status_code == 201


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_attack_an_animation_is_refused(stack: Stack, kind: str) -> None:
    answer = send(stack.signup(), images.animated(kind), kind)
    assert_refused(stack, answer, 422, "unacceptable-file", "animated")


# What hides inside.


@pytest.mark.parametrize("kind", KINDS)
def test_attack_what_hides_in_an_image_does_not_come_back(account: Account, kind: str) -> None:
    made = send(account, images.with_payload(kind), kind)
    assert made.status_code == 201, made.text
    assert b"<?php" not in account.client.get(f"{FILES}/{made.json()['id']}").content


def test_attack_the_place_where_a_picture_was_taken_does_not_come_back(account: Account) -> None:
    made = send(account, images.with_gps("jpeg"), "jpeg")
    found = account.client.get(f"{FILES}/{made.json()['id']}").content
    assert not Image.open(BytesIO(found)).getexif()


def test_twin_the_way_up_that_a_camera_told_is_kept(account: Account) -> None:
    made = send(account, images.with_gps("jpeg"), "jpeg")
    found = account.client.get(f"{FILES}/{made.json()['id']}").content
    width, height = images.picture().size
    assert Image.open(BytesIO(found)).size == (height, width)


# Bodies.


def padded_png(size: int) -> bytes:
    """Return a PNG of exactly this many bytes."""
    start, end = images.encode("png")[:-12], images.png_chunk(b"IEND", b"")
    filler = size - len(start) - len(end) - 12
    return start + images.png_chunk(b"prIv", bytes(filler)) + end


def in_chunks(data: bytes) -> Iterator[bytes]:
    head = 'Content-Disposition: form-data; name="file"; filename="a.png"\r\n'
    yield f"--edge\r\n{head}Content-Type: image/png\r\n\r\n".encode()
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]
    yield b"\r\n--edge--\r\n"


CHUNKED = {"Content-Type": "multipart/form-data; boundary=edge"}


def test_attack_one_byte_too_many_in_chunks_is_refused(stack: Stack) -> None:
    client = stack.signup().client
    body = in_chunks(padded_png(MAX_FILE_BYTES + 1))
    answer = client.post(FILES, content=body, headers=CHUNKED)
    assert_refused(stack, answer, 413, "too-large", "file_bytes")


@pytest.mark.parametrize("size", [MAX_FILE_BYTES + 500_000, 2 * MAX_FILE_BYTES])
def test_attack_a_body_that_says_it_is_too_large_is_refused(stack: Stack, size: int) -> None:
    answer = stack.signup().client.post(FILES, files=images.form(bytes(size)))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:problem:too-large"


def test_twin_a_file_of_five_megabytes_is_stored_in_chunks(account: Account) -> None:
    body = in_chunks(padded_png(MAX_FILE_BYTES))
    assert account.client.post(FILES, content=body, headers=CHUNKED).status_code == 201


def test_twin_a_large_upload_leaves_no_temporary_file(stack: Stack, account: Account) -> None:
    assert send(account, padded_png(MAX_FILE_BYTES)).status_code == 201
    # nginx warns when it spools a body to the disk; the application has no code that could.
    assert b"temporary file" not in stack.log_path("nginx").read_bytes()


@pytest.mark.parametrize("token", [None, "not.a.token"])
def test_attack_a_stranger_is_answered_before_a_byte_of_the_body(
    stack: Stack, token: str | None
) -> None:
    bearer = [] if token is None else [f"Authorization: Bearer {token}"]
    content = ("Content-Type: multipart/form-data; boundary=edge", "Content-Length: 1000000")
    # Straight to the application, as nginx: it is not to wait for a body that nobody sends.
    with raw.open_plain(stack.app_port, source=raw.HOST) as connection:
        connection.sendall(raw.request(FILES, *PROXIED, *bearer, *content, method="POST"))
        answer = raw.parse(connection.recv(raw.CHUNK))
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_twin_a_user_is_waited_for(stack: Stack, account: Account) -> None:
    body = b"".join(in_chunks(images.encode("png")))
    head = raw.request(
        FILES,
        *PROXIED,
        f"Authorization: Bearer {account.access_token}",
        "Content-Type: multipart/form-data; boundary=edge",
        f"Content-Length: {len(body)}",
        method="POST",
    )
    with raw.open_plain(stack.app_port, source=raw.HOST) as connection:
        connection.sendall(head + body[:-1])
        connection.sendall(body[-1:])
        assert raw.parse(raw.read_until_closed(connection)).status == 201


@pytest.mark.parametrize(
    "files",
    [
        [("file", ("a.png", images.encode("png"), "image/png"))] * 2,
        [("other", ("a.png", images.encode("png"), "image/png"))],
        [("file", (None, b"text"))],
    ],
    ids=["two files", "another field", "no file"],
)
def test_attack_a_form_of_another_shape_is_refused(
    stack: Stack, files: list[tuple[str, tuple[str | None, bytes]]]
) -> None:
    answer = stack.signup().client.post(FILES, files=files)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:problem:malformed"


# Names, places, owners.


@pytest.fixture
def bucket(stack: Stack) -> S3Client:
    settings = stack.service.environment
    return boto3.client(
        "s3",
        endpoint_url=stack.s3_url,
        region_name="us-east-1",
        aws_access_key_id=settings["UPLOADS__ACCESS_KEY_ID"],
        aws_secret_access_key=settings["UPLOADS__SECRET_ACCESS_KEY"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../etc/cron.d/x.png", "x.png"),
        ("..\\..\\windows\\x.png", "x.png"),
        ("\u2100\uff0fx.png", "x.png"),
        ("photo\u202egnp.exe.png", "photognp.exe.png"),
    ],
)
def test_attack_a_name_chooses_no_place(
    stack: Stack, bucket: S3Client, account: Account, name: str, shown: str
) -> None:
    name_bucket = stack.service.environment["UPLOADS__BUCKET"]
    made = send(account, images.encode("png"), name=name).json()
    assert made["name"] == shown
    keys = [item["Key"] for item in bucket.list_objects_v2(Bucket=name_bucket)["Contents"]]
    for key in keys:
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(png|jpeg|webp)", key)
        assert made["id"] not in key
    assert httpx.get(f"{stack.s3_url}/{name_bucket}/{keys[0]}").status_code == 403


def test_twin_a_name_in_any_script_is_kept(account: Account) -> None:
    made = send(account, images.encode("png"), name="Übung 日本 (1).png").json()
    assert made["name"] == "Übung 日本 (1).png"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_attack_somebody_elses_file_is_not_there(
    stack: Stack, account: Account, method: str
) -> None:
    place = f"{FILES}/{send(account, images.encode('png')).json()['id']}"
    answer = stack.signup().client.request(method, place)
    assert answer.status_code == 404
    assert account.client.get(place).status_code == 200


def test_twin_owners_read_and_delete_their_files(stack: Stack) -> None:
    owner = stack.signup()
    place = f"{FILES}/{send(owner, images.encode('png')).json()['id']}"
    found = owner.client.get(place)
    assert found.headers["content-type"] == "image/png"
    assert found.headers["content-disposition"].startswith("attachment; ")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert owner.client.delete(place).status_code == 204
    assert owner.client.get(place).status_code == 404
    assert owner.client.get(FILES).json()["items"] == []
    assert stack.log_lines("upload_delete", file=place.rpartition("/")[2])


def test_attack_a_file_that_is_opened_as_a_page_can_do_nothing(account: Account) -> None:
    made = send(account, images.encode("png"))
    assert made.status_code == 201, made.text
    found = account.client.get(f"{FILES}/{made.json()['id']}")
    assert found.status_code == 200
    dress = {name: found.headers.get_list(name) for name in raw.SECURITY_HEADERS}
    assert dress == {name: [value] for name, value in raw.SECURITY_HEADERS.items()}
    assert found.headers["content-disposition"].startswith("attachment")
