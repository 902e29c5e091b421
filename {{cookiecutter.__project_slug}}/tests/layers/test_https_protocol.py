"""Layer 1: what uvicorn can't parse is answered, and written down, like any other refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from app.layers.headers import HeadersSettings, policy
from app.protocol import protocol_with

if TYPE_CHECKING:
    import pytest


class Transport:
    """Remembers what was written, and whether it was closed."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True


def refused() -> Transport:
    kind = protocol_with(HeadersSettings())
    protocol = kind.__new__(kind)  # the rest of it is uvicorn's, and wants a whole server
    transport = Transport()
    protocol.transport = transport  # type: ignore[assignment]  # all that is used of one
    protocol.send_400_response("Invalid HTTP request received.")
    return transport


def test_what_cannot_be_parsed_is_answered_once_and_the_connection_closed() -> None:
    transport = refused()
    head, _, body = transport.written.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    headers = {name: value for name, _, value in pairs}
    assert (first, transport.is_closed) == ("HTTP/1.1 400 Bad Request", True)
    assert len(headers) == len(pairs)
    assert headers["content-length"] == str(len(body))
    assert headers["vary"] == "Origin"
    assert headers["x-request-id"] == json.loads(body)["request_id"]
    ours = {name.decode(): value.decode() for name, value in policy(HeadersSettings()).items()}
    assert ours.items() <= headers.items()


def test_the_id_of_the_answer_stands_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    number = json.loads(refused().written.partition(b"\r\n\r\n")[2])["request_id"]
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line["http.request.id"] == number]
    assert line["event.action"] == "input_validation_fail"
    assert (line["log.level"], line["app.reason"]) == ("warning", "unparsable")
    assert line["http.response.status_code"] == 400
