"""Layer 1: which key exchange is agreed on, told by the server's first word.

A recording of today can be read by a quantum computer of tomorrow, unless the key exchange is
X25519MLKEM768. It is first where the OpenSSL that nginx runs with has it: from 3.5 on.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.client_hello import GROUPS, HANDSHAKE_FAILURE, ClientHello, say
from tests.lone_edge import build_of_nginx

if TYPE_CHECKING:
    from tests.stack import Stack

X25519MLKEM768 = 0x11EC
# Neither is in Mozilla's list: no classical half to fall back on, or a slower one.
MLKEM768, SECP256R1MLKEM768 = 0x0201, 0x11EB
HONEST = ClientHello()


@pytest.fixture(scope="session")
def has_mlkem() -> bool:
    """Whether the nginx of this run runs with an OpenSSL that has it."""
    versions = re.findall(r"(?:built|running) with OpenSSL (\d+)\.(\d+)", build_of_nginx())
    # The one it runs with comes last; it is not said if it is the one it was built with.
    return tuple(int(number) for number in versions[-1]) >= (3, 5)


def test_twin_a_client_of_today_gets_the_exchange_that_quantum_computers_do_not_break(
    stack: Stack, has_mlkem: bool
) -> None:
    reply = say(stack.https_port, replace(HONEST, groups=(X25519MLKEM768, GROUPS["x25519"])))
    assert reply.group == (X25519MLKEM768 if has_mlkem else GROUPS["x25519"])


def test_twin_a_client_without_it_gets_x25519(stack: Stack) -> None:
    reply = say(stack.https_port, replace(HONEST, groups=(GROUPS["x25519"],)))
    assert reply.group == GROUPS["x25519"]


@pytest.mark.parametrize("group", [MLKEM768, SECP256R1MLKEM768], ids=hex)
def test_attack_a_new_group_that_is_not_offered(stack: Stack, group: int) -> None:
    assert say(stack.https_port, replace(HONEST, groups=(group,))).alert == HANDSHAKE_FAILURE
