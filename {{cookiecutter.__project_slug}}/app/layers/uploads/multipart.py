"""A form with one file, read while it arrives.

Nothing is spooled: one buffer, as large as the largest file at most. The form is refused at the
first byte that says it should be: a second part, a wrong field, a file of another type, a byte too
many. It uses python-multipart's low-level parser, whose own bounds are set here; the form classes
of it and of Starlette would write to the local disk.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.layers.uploads.refusals import FileTooLarge, MalformedForm, UnsupportedFile

if TYPE_CHECKING:
    from collections.abc import Callable

# A refusal is an event of ours; the parser's own words beside it would double every line.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

FIELD = b"file"
MAX_PART_HEADERS = 4
MAX_PART_HEADER_BYTES = 1_024
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 §5.1.1
_PART_HEADERS = {b"content-disposition", b"content-type", b"content-length"}


@dataclass(frozen=True, slots=True)
class PartHead:
    """What the client says about its file. Nothing of it is to be believed."""

    name: str
    declared_type: str


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it arrived."""

    head: PartHead
    data: bytes


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a form's Content-Type names.

    Raises:
        UnsupportedFile: it is no form.
        MalformedForm: it names no boundary, or not as RFC 2046 has it.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedFile("no_form", "An upload is multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if _BOUNDARY.fullmatch(boundary) is None:
        raise MalformedForm("boundary")
    return boundary


def read_head(headers: dict[bytes, bytes]) -> PartHead:
    """Return what the headers of the one part say.

    Raises:
        MalformedForm: another field, no file name, not UTF-8, or headers that have no place here.
    """
    if not headers.keys() <= _PART_HEADERS:
        raise MalformedForm("part_header")
    kind, options = parse_options_header(headers.get(b"content-disposition", b""))
    if kind != b"form-data" or options.get(b"name") != FIELD or not options.get(b"filename"):
        raise MalformedForm("part_disposition")
    declared, _ = parse_options_header(headers.get(b"content-type", b""))
    try:
        return PartHead(options[b"filename"].decode("utf-8"), declared.decode("ascii"))
    except UnicodeDecodeError:
        raise MalformedForm("part_encoding") from None


class FileForm:
    """Takes the body in chunks of any size, gives the file at its end.

    Args:
        boundary: of the form, see `boundary_of`.
        max_file_bytes: of the file.
        admit: called with the head of the file before its first byte; refuses by raising.
    """

    def __init__(
        self, boundary: bytes, max_file_bytes: int, admit: Callable[[PartHead], None]
    ) -> None:
        self._max_file_bytes = max_file_bytes
        self._admit = admit
        self._headers: dict[bytes, bytes] = {}
        self._field = b""
        self._value = b""
        self._head: PartHead | None = None
        self._data = bytearray()
        self._parts = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_field,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._add_data,
                "on_end": self._end,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            UploadRefused: the form is not acceptable, whatever may follow.
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise MalformedForm("syntax") from None

    def finish(self) -> RawFile:
        """Return the file when the body has ended.

        Raises:
            MalformedForm: it ended before the form did, or held no file.
        """
        if not self._ended or self._head is None:
            raise MalformedForm("incomplete")
        if not self._data:
            raise MalformedForm("empty")
        return RawFile(self._head, bytes(self._data))

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise MalformedForm("second_part")

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        name = self._field.lower()
        if name in self._headers:
            raise MalformedForm("part_header")
        self._headers[name] = self._value
        self._field = self._value = b""

    def _end_headers(self) -> None:
        self._head = read_head(self._headers)
        self._admit(self._head)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if len(self._data) + end - start > self._max_file_bytes:
            raise FileTooLarge("file_bytes")
        self._data += data[start:end]

    def _end(self) -> None:
        self._ended = True
