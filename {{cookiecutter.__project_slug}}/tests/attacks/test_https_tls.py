"""Attacks on layer 1 by TLS: old versions, weak ciphers and groups, odd names, noise.

Most are told by the first message of a handshake alone, made by hand: see `tests/client_hello.py`.
"""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.client_hello import (
    DECODE_ERROR,
    FINITE_FIELDS,
    GROUPS,
    HANDSHAKE_FAILURE,
    ILLEGAL_PARAMETER,
    MODERN_CIPHERS,
    PROTOCOL_VERSION,
    SSL_3_0,
    TLS_1_0,
    TLS_1_1,
    TLS_1_2,
    TLS_1_3,
    UNRECOGNIZED_NAME,
    YEARS_OLD,
    ClientHello,
    say,
)
from tests.raw import open_plain, open_tls, read_until_closed

if TYPE_CHECKING:
    from tests.stack import Stack

HONEST = ClientHello()


ALERT = 21
"""The record type of an alert (RFC 8446 §5.1)."""


# Versions, ciphers, groups


@pytest.mark.parametrize("version", [SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2], ids=hex)
def test_attack_an_old_version(stack: Stack, version: int) -> None:
    alert = say(stack.https_port, replace(YEARS_OLD, version=version)).alert
    assert alert in {PROTOCOL_VERSION, HANDSHAKE_FAILURE}


def test_attack_a_downgrade_to_tls_1_2(stack: Stack) -> None:
    context = stack.tls_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        open_tls(stack, context=context)


def test_twin_a_client_that_could_speak_both_speaks_tls_1_3(stack: Stack) -> None:
    context = stack.tls_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with open_tls(stack, context=context) as connection:
        assert connection.version() == "TLSv1.3"


@pytest.mark.parametrize("cipher", [0x1304, 0x1305, 0xC0B4, 0xC02B, 0x002F, 0x0005], ids=hex)
def test_attack_a_cipher_that_is_not_offered(stack: Stack, cipher: int) -> None:
    reply = say(stack.https_port, replace(HONEST, ciphers=(cipher,)))
    assert reply.alert == HANDSHAKE_FAILURE


@pytest.mark.parametrize("cipher", MODERN_CIPHERS, ids=hex)
def test_twin_each_cipher_of_tls_1_3(stack: Stack, cipher: int) -> None:
    reply = say(stack.https_port, replace(HONEST, ciphers=(cipher,)))
    assert (reply.version, reply.cipher, reply.compression) == (TLS_1_3, cipher, 0)


@pytest.mark.parametrize("group", ["secp521r1", "x448", *FINITE_FIELDS])
def test_attack_a_group_that_is_not_offered(stack: Stack, group: str) -> None:
    number = (GROUPS | FINITE_FIELDS)[group]
    assert say(stack.https_port, replace(HONEST, groups=(number,))).alert == HANDSHAKE_FAILURE


@pytest.mark.parametrize("group", ["x25519", "secp256r1", "secp384r1"])
def test_twin_each_group_that_is_offered(stack: Stack, group: str) -> None:
    assert say(stack.https_port, replace(HONEST, groups=(GROUPS[group],))).version == TLS_1_3


@pytest.mark.parametrize("offered", [b"\1\0", b"\1"], ids=["too", "only"])
def test_attack_compression(stack: Stack, offered: bytes) -> None:
    """CRIME, CVE-2012-4929. RFC 8446 §4.1.2 has the very offer refused."""
    reply = say(stack.https_port, replace(HONEST, compressions=offered))
    assert reply.alert in {ILLEGAL_PARAMETER, DECODE_ERROR, HANDSHAKE_FAILURE}


# Names


@pytest.mark.parametrize(
    "name",
    [
        None,
        "evil.example",
        "localhost.evil.example",
        "xlocalhost",
        "127.0.0.1",
        "[::1]",
        "*",
        "local\0host",
        "localhost\0.evil.example",
        "",
        "\xff",
        "a" * 300,
    ],
    ids=ascii,
)
def test_attack_a_handshake_for_an_unknown_name(stack: Stack, name: str | None) -> None:
    alert = say(stack.https_port, replace(HONEST, name=name)).alert
    assert alert in {UNRECOGNIZED_NAME, DECODE_ERROR}


@pytest.mark.parametrize("name", ["localhost", "LocalHost"])
def test_twin_a_handshake_for_our_name(stack: Stack, name: str) -> None:
    assert say(stack.https_port, replace(HONEST, name=name)).version == TLS_1_3


# What is no handshake


@pytest.mark.parametrize(
    "noise",
    [
        b"\x80\x2e\x01\x00\x02" + bytes(60),
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + bytes(200),
        b"\x16\x03\x01\xff\xff" + bytes(300),
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"SSH-2.0-probe\r\n" + bytes(40),
    ],
    ids=["SSL 2", "a length that lies", "a record too large", "an alert first", "another protocol"],
)
def test_attack_noise_on_the_tls_port(stack: Stack, noise: bytes) -> None:
    with open_plain(stack.https_port) as connection:
        connection.sendall(noise)
        received = read_until_closed(connection)
    # Nothing, an alert, or the answer to plain HTTP.
    assert not received or received[0] == ALERT or received.startswith(b"HTTP/1.1 400 ")
    assert say(stack.https_port, HONEST).version == TLS_1_3
