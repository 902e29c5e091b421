"""The first message of a TLS handshake by hand, for clients that no library lets us be.

Libraries refuse to offer what a server has to refuse, so a test with them would only test them.
Numbers are those of the IANA registries; the layout is RFC 8446 §4.1.2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.raw import open_plain

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304

HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION = 40, 47, 50, 70
INAPPROPRIATE_FALLBACK, UNRECOGNIZED_NAME = 86, 112

GROUPS = {"secp256r1": 23, "secp384r1": 24, "secp521r1": 25, "x25519": 29, "x448": 30}
FINITE_FIELDS = {"ffdhe2048": 256, "ffdhe3072": 257}
MODERN_CIPHERS = (0x1301, 0x1302, 0x1303)
INTERMEDIATE_CIPHERS = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8)
FALLBACK_SIGNAL = 0x5600

_ALERT, _HANDSHAKE, _SERVER_HELLO, _KEY_SHARE = 21, 22, 2, 51
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0203, 0x0201)
# SHA-256 of "HelloRetryRequest" stands in for the server's random (RFC 8446 §4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server made of it: an alert, or the choices of its ServerHello."""

    alert: int | None = None
    version: int | None = None
    cipher: int | None = None
    compression: int | None = None
    is_retry: bool = False
    """It chose a group and asks for a key share in it: as good as a ServerHello."""
    group: int | None = None


def _vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def _numbers(values: Sequence[int]) -> bytes:
    return b"".join(struct.pack("!H", value) for value in values)


def _extension(number: int, data: bytes) -> bytes:
    return struct.pack("!H", number) + _vector(data, 2)


@dataclass(frozen=True, slots=True)
class ClientHello:
    """An honest offer, of which a test changes the one thing that matters."""

    version: int = TLS_1_3
    ciphers: Sequence[int] = MODERN_CIPHERS
    groups: Sequence[int] = field(default_factory=lambda: tuple(GROUPS.values()))
    compressions: bytes = b"\0"
    name: str | None = "localhost"

    def _extensions(self) -> bytes:
        found = _extension(10, _vector(_numbers(self.groups), 2))
        found += _extension(11, b"\x01\x00")  # points are not compressed
        found += _extension(13, _vector(_numbers(_SIGNATURES), 2))
        if self.name is not None:
            found += _extension(0, _vector(b"\0" + _vector(self.name.encode("latin-1"), 2), 2))
        if self.version >= TLS_1_3:
            found += _extension(43, _vector(_numbers([self.version]), 1))
            found += _extension(51, _vector(b"", 2))  # no share yet: the server says which group
        return found

    def record(self) -> bytes:
        """Return it as it goes over the wire."""
        body = _numbers([min(self.version, TLS_1_2)])
        body += bytes(range(32)) + _vector(bytes(32), 1)
        body += _vector(_numbers(self.ciphers), 2) + _vector(self.compressions, 1)
        body += _vector(self._extensions(), 2)
        return struct.pack("!BH", _HANDSHAKE, min(self.version, TLS_1_0)) + _vector(
            b"\x01" + _vector(body, 3), 2
        )


YEARS_OLD = ClientHello(ciphers=(*INTERMEDIATE_CIPHERS, 0xC009, 0xC013, 0x002F, 0x000A))
"""What a client of ten years ago would offer; its version is what a test is about."""


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise ConnectionError("the server closed without a word")
        received += piece
    return received


def _server_hello(body: bytes) -> Reply:
    (version,) = struct.unpack("!H", body[:2])
    random, rest = body[2:34], body[35 + body[34] :]
    cipher, compression = struct.unpack("!HB", rest[:3])
    if cipher in MODERN_CIPHERS:
        version = TLS_1_3  # said in an extension, and no cipher of it goes with another version
    return Reply(None, version, cipher, compression, random == _RETRY, _group(rest[5:]))


def _group(extensions: bytes) -> int | None:
    """Return the group of the key share (RFC 8446 §4.2.8), if there is one."""
    while extensions:
        number, length = struct.unpack("!HH", extensions[:4])
        if number == _KEY_SHARE:
            return int.from_bytes(extensions[4:6], "big")
        extensions = extensions[4 + length :]
    return None


def say(port: int, hello: ClientHello | bytes) -> Reply:
    """Send it to a port on 127.0.0.1 and return the server's first word.

    Raises:
        ConnectionError: the server closed without one.
    """
    with open_plain(port) as connection:
        connection.sendall(hello if isinstance(hello, bytes) else hello.record())
        kind, _, length = struct.unpack("!BHH", _exactly(connection, 5))
        body = _exactly(connection, length)
    if kind == _ALERT:
        return Reply(alert=body[1])
    assert (kind, body[0]) == (_HANDSHAKE, _SERVER_HELLO)
    return _server_hello(body[4:])
