"""Attacks on layer 1 by TLS 1.2, where EDGE_TLS=intermediate lets it in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.client_hello import (
    FALLBACK_SIGNAL,
    HANDSHAKE_FAILURE,
    INAPPROPRIATE_FALLBACK,
    INTERMEDIATE_CIPHERS,
    PROTOCOL_VERSION,
    SSL_3_0,
    TLS_1_0,
    TLS_1_1,
    TLS_1_2,
    UNRECOGNIZED_NAME,
    YEARS_OLD,
    say,
)

if TYPE_CHECKING:
    from tests.stack import Stack


@pytest.mark.parametrize("cipher", [0xC02B, 0xC02C, 0xCCA9], ids=hex)
def test_twin_an_old_program_with_a_good_cipher(intermediate: Stack, cipher: int) -> None:
    reply = say(intermediate.https_port, replace(YEARS_OLD, version=TLS_1_2, ciphers=(cipher,)))
    assert (reply.version, reply.cipher, reply.compression) == (TLS_1_2, cipher, 0)


@pytest.mark.parametrize(
    "cipher",
    [
        *(0xC009, 0xC00A, 0xC023, 0xC024, 0xC008),  # CBC: Lucky 13, CVE-2013-0169
        *(0x002F, 0x0035, 0x009C, 0x009D),  # RSA key exchange: no forward secrecy, ROBOT
        *(0x009E, 0x0033, 0xCCAA),  # finite-field Diffie-Hellman: Raccoon, CVE-2020-1968
        *(0x000A, 0x0005, 0xC007),  # 3DES and RC4: CVE-2016-2183, RFC 7465
        *(0xC018, 0x0034, 0xC006, 0x003B, 0x0003),  # nobody's certificate, no cipher, export
        *(0xC0AC, 0xC0AE),  # CCM: sound, and not on Mozilla's list
    ],
    ids=hex,
)
def test_attack_a_weak_cipher_of_tls_1_2(intermediate: Stack, cipher: int) -> None:
    reply = say(intermediate.https_port, replace(YEARS_OLD, version=TLS_1_2, ciphers=(cipher,)))
    assert reply.alert == HANDSHAKE_FAILURE


@pytest.mark.parametrize("version", [SSL_3_0, TLS_1_0, TLS_1_1], ids=hex)
def test_attack_a_version_older_than_intermediate(intermediate: Stack, version: int) -> None:
    alert = say(intermediate.https_port, replace(YEARS_OLD, version=version)).alert
    assert alert in {PROTOCOL_VERSION, HANDSHAKE_FAILURE}


def test_attack_a_downgrade_that_says_it_is_one(intermediate: Stack) -> None:
    """RFC 7507: whoever falls back says so, and is told that both could do better."""
    fallback = replace(YEARS_OLD, version=TLS_1_2, ciphers=(*INTERMEDIATE_CIPHERS, FALLBACK_SIGNAL))
    assert say(intermediate.https_port, fallback).alert == INAPPROPRIATE_FALLBACK


@pytest.mark.parametrize("offered", [b"\1\0", b"\1"], ids=["too", "only"])
def test_attack_compression_in_tls_1_2(intermediate: Stack, offered: bytes) -> None:
    hello = replace(YEARS_OLD, version=TLS_1_2, compressions=offered)
    reply = say(intermediate.https_port, hello)
    assert reply.compression == 0 if b"\0" in offered else reply.alert is not None


def test_attack_an_unknown_name_in_tls_1_2(intermediate: Stack) -> None:
    hello = replace(YEARS_OLD, version=TLS_1_2, name="evil.example")
    assert say(intermediate.https_port, hello).alert == UNRECOGNIZED_NAME
