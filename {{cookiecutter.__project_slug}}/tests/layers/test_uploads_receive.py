"""Layer 9: in which order an upload is let in, and what it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from app.layers.authorization import Authenticated, policies
from app.layers.uploads import (
    FileTooLarge,
    IncomingFile,
    IncomingUpload,
    MalformedForm,
    Storage,
    StorageDown,
    TooSlow,
    UnsupportedFile,
    Uploads,
    UploadsBusy,
    UploadsSettings,
    open_uploads,
)
from tests import images

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message

pytestmark = pytest.mark.anyio

FORM = "multipart/form-data; boundary=edge"
END = b"\r\n--edge--\r\n"


def body_of(data: bytes, name: str = "picture.png", kind: str = "image/png") -> bytes:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
    return f"--edge\r\n{head}Content-Type: {kind}\r\n\r\n".encode() + data + END


class Wire:
    """A client's body, handed over chunk by chunk; it counts what was asked for."""

    def __init__(self, *chunks: bytes, ends: bool = True) -> None:
        self.chunks = list(chunks)
        self.ends = ends
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        if self.chunks:
            chunk = self.chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": True}
        if not self.ends:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": b"", "more_body": False}


def make_uploads(**settings: Any) -> Uploads:
    return Uploads(UploadsSettings(**settings), cast("Storage", object()))


def incoming(
    wire: Wire,
    uploads: Uploads | None = None,
    receive: Callable[..., Any] | None = None,
    **headers: str,
) -> IncomingFile:
    given = {"content-type": FORM} | {key.replace("_", "-"): headers[key] for key in headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    return IncomingFile(Request(scope, receive or wire.receive), uploads or make_uploads())


async def test_a_file_is_received_and_cleaned() -> None:
    wire = Wire(body_of(images.with_payload("png")))
    async with incoming(wire).receive() as file:
        assert file.name == "picture.png"
        assert images.PAYLOAD not in file.data


async def test_nothing_is_read_before_it_is_asked_for() -> None:
    wire = Wire(body_of(images.encode("png")))
    file = incoming(wire)
    assert wire.asked == 0
    async with file.receive():
        assert wire.asked > 0


async def test_nothing_is_read_when_there_is_nowhere_to_store_it() -> None:
    wire = Wire(b"x")
    async with open_uploads(UploadsSettings()) as uploads:
        with pytest.raises(StorageDown):
            await incoming(wire, uploads).receive().__aenter__()
    assert wire.asked == 0


async def test_nothing_is_read_of_a_body_that_says_it_is_too_large() -> None:
    wire = Wire(b"x")
    with pytest.raises(FileTooLarge):
        await incoming(wire, content_length="6000000").receive().__aenter__()
    assert wire.asked == 0


async def test_nothing_is_read_of_what_is_no_form() -> None:
    wire = Wire(b"x")
    with pytest.raises(UnsupportedFile):
        await incoming(wire, content_type="image/png").receive().__aenter__()
    assert wire.asked == 0


async def test_a_body_that_says_nothing_of_its_size_is_read_up_to_the_bound() -> None:
    wire = Wire(body_of(b"")[: -len(END)], *[b"x" * 1_000_000] * 20)
    with pytest.raises(FileTooLarge):
        await incoming(wire).receive().__aenter__()
    assert wire.asked == 7, "the head, five chunks that fit and the one that does not"


async def test_padding_around_the_file_counts_too() -> None:
    wire = Wire(*[b"\r\n" * 500_000] * 20)
    with pytest.raises(FileTooLarge):
        await incoming(wire).receive().__aenter__()
    assert wire.asked == 6


async def test_the_rest_of_a_refused_file_is_not_read() -> None:
    wire = Wire(body_of(b"", name="shell.php")[: -len(END)], *[b"x"] * 20)
    with pytest.raises(UnsupportedFile):
        await incoming(wire).receive().__aenter__()
    assert wire.asked == 1


async def test_a_body_that_trickles_is_cut_off() -> None:
    wire = Wire(b"--edge\r\n", ends=False)
    with pytest.raises(TooSlow):
        await incoming(wire, make_uploads(receive_seconds=0.01)).receive().__aenter__()


async def test_a_client_that_hangs_up_leaves_a_refusal_and_no_error() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(MalformedForm):
        await incoming(Wire(), receive=receive).receive().__aenter__()


async def test_only_so_many_uploads_are_held_at_once() -> None:
    uploads = make_uploads(concurrency=1, wait_seconds=0.01)
    body = body_of(images.encode("png"))
    waiting = Wire(body)
    async with incoming(Wire(body), uploads).receive():
        with pytest.raises(UploadsBusy) as caught:
            await incoming(waiting, uploads).receive().__aenter__()
    assert waiting.asked == 0
    assert caught.value.headers["Retry-After"].isdigit()
    async with incoming(Wire(body), uploads).receive() as file:
        assert file.data


async def test_a_refused_upload_gives_its_place_back() -> None:
    uploads = make_uploads(concurrency=1, wait_seconds=0.01)
    for _ in range(3):
        with pytest.raises(MalformedForm):
            await incoming(Wire(b"nonsense"), uploads).receive().__aenter__()


async def test_an_upload_needs_a_user_even_where_the_endpoint_forgets_to_say_so() -> None:
    app = FastAPI(openapi_url=None)

    @app.post("/")
    async def take(upload: IncomingUpload) -> None:
        del upload

    assert policies(app) == {"POST /": Authenticated()}


@pytest.mark.parametrize(
    "settings",
    [
        {"allowed_types": ("svg",)},
        {"allowed_types": ()},
        {"endpoint_url": "ftp://files"},
        {"endpoint_url": "http://user:pass@files"},
        {"access_key_id": "only"},
        {"max_file_bytes": 9_000_000},
        {"max_pixels": 200_000_000},
    ],
)
async def test_settings_that_would_weaken_the_layer_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        UploadsSettings(**settings)


async def test_types_are_set_as_a_list_with_commas() -> None:
    settings = UploadsSettings.model_validate({"allowed_types": "png, webp"})
    assert settings.allowed_types == ("png", "webp")
