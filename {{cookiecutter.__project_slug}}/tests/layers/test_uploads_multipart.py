"""Layer 9: the form is read while it arrives, and refused at the first byte that says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.layers.uploads import FileTooLarge, MalformedForm, UnsupportedFile, UploadRefused
from app.layers.uploads.multipart import FileForm, PartHead, RawFile, boundary_of

HEAD = (
    b'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n'
)
FIELD = b'Content-Disposition: form-data; name="title"\r\n'


def part(head: bytes = HEAD, data: bytes = b"content") -> bytes:
    return b"--edge\r\n" + head + b"\r\n" + data + b"\r\n"


END = b"--edge--\r\n"


def read(body: bytes, size: int = 1_000_000, max_file_bytes: int = 1_000) -> RawFile:
    """Feed the body in chunks of this size."""
    form = FileForm(b"edge", max_file_bytes, lambda _: None)
    for start in range(0, len(body), size):
        form.feed(body[start : start + size])
    return form.finish()


@pytest.mark.parametrize("size", [1, 2, 7, 1_000_000])
def test_a_form_with_one_file_is_read_in_chunks_of_any_size(size: int) -> None:
    data = b"\r\n--edgy is not the end\r\n--edg\r\n-" + bytes(range(256))
    assert read(part(data=data) + END, size) == RawFile(PartHead("a.png", "image/png"), data)


@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (END, "incomplete"),
        (b"", "incomplete"),
        (part(), "incomplete"),
        (part() + b"--edge-", "incomplete"),
        (part(data=b"") + END, "empty"),
        (part() + part() + END, "second_part"),
        (part() + part(FIELD) + END, "second_part"),
        (part(FIELD) + part() + END, "part_disposition"),
        (part(HEAD.replace(b'"file"', b'"other"')) + END, "part_disposition"),
        (part(HEAD.replace(b'filename="a.png"', b'filename=""')) + END, "part_disposition"),
        (part(HEAD.replace(b"form-data", b"attachment")) + END, "part_disposition"),
        (part(b"Content-Type: image/png\r\n") + END, "part_disposition"),
        (part(HEAD + b"Content-Transfer-Encoding: base64\r\n") + END, "part_header"),
        (part(HEAD + HEAD) + END, "part_header"),
        (part(HEAD.replace(b"a.png", b"\xff.png")) + END, "part_encoding"),
        (part(HEAD.replace(b"a.png", b"a" * 2_000)) + END, "syntax"),
        (part(HEAD + b"A: 1\r\nB: 1\r\nC: 1\r\n") + END, "syntax"),
        (part(b"no header at all\r\n") + END, "syntax"),
        (b"preamble" + part() + END, "syntax"),
        (b"--other\r\n", "syntax"),
    ],
)
def test_any_other_form_is_refused(body: bytes, reason: str, size: int) -> None:
    with pytest.raises(MalformedForm) as caught:
        read(body, size)
    assert caught.value.reason == reason


def test_a_file_may_be_as_large_as_allowed_and_no_byte_larger() -> None:
    assert len(read(part(data=b"x" * 1_000) + END, 64).data) == 1_000
    with pytest.raises(FileTooLarge):
        read(part(data=b"x" * 1_001) + END, 64)


def test_nothing_of_a_file_is_kept_beyond_its_bound() -> None:
    form = FileForm(b"edge", 1_000, lambda _: None)
    form.feed(b"--edge\r\n" + HEAD + b"\r\n")
    with pytest.raises(FileTooLarge):
        form.feed(b"x" * 1_000_000)
    assert len(form._data) == 0  # noqa: SLF001  what is in memory is the point


def test_a_file_is_refused_before_its_first_byte() -> None:
    def refuse(head: PartHead) -> None:
        assert head == PartHead("a.png", "image/png")
        raise UnsupportedFile("extension")

    with pytest.raises(UnsupportedFile):
        FileForm(b"edge", 1_000, refuse).feed(b"--edge\r\n" + HEAD + b"\r\n")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=edge", b"edge"),
        ('Multipart/Form-Data; boundary="a b"', b"a b"),
        ("multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary0", None),
    ],
)
def test_a_boundary_is_found(content_type: str, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == (boundary or b"----WebKitFormBoundary0")


@pytest.mark.parametrize(
    "content_type",
    ["", "image/png", "application/json", "multipart/mixed; boundary=x", "multipart/form-data-x"],
)
def test_what_is_no_form_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedFile):
        boundary_of(content_type)


@pytest.mark.parametrize("boundary", ["", "x" * 71, "bad\x00", "ends ", "ä"])
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(MalformedForm):
        boundary_of(f'multipart/form-data; boundary="{boundary}"')


@given(st.binary(max_size=400), st.integers(1, 50))
def test_random_bodies_raise_nothing_but_our_refusal(body: bytes, size: int) -> None:
    with pytest.raises(UploadRefused):
        read(b"--edge\r\n" + body, size)
