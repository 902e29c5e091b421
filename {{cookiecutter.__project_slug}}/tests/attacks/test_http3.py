"""Layer 1 over QUIC: HTTP/3 is offered where this nginx has it, and nowhere else.

What the attacks on it come to is in `tests/docker`, for an nginx that has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lone_edge import build_of_nginx
from tests.raw import ask, open_plain, open_tls, request
from tests.raw_http2 import get
from tests.raw_http3 import Http3, open_udp

if TYPE_CHECKING:
    from tests.stack import Stack


@pytest.fixture(scope="session")
def has_http3() -> bool:
    """Whether the nginx of this run was built with HTTP/3."""
    return "--with-http_v3_module" in build_of_nginx()


def answers_on_udp(stack: Stack) -> bool:
    """Whether anybody speaks QUIC on the TLS port; a closed port refuses the first packet."""
    try:
        with Http3(stack) as connection:
            return connection.ask(get()).status == 200
    except ConnectionRefusedError:
        return False


def test_twin_http3_is_spoken_exactly_where_nginx_has_it(stack: Stack, has_http3: bool) -> None:
    assert answers_on_udp(stack) == has_http3


@pytest.mark.parametrize(
    ("target", "method", "status"), [("/healthz", "GET", 200), ("/healthz", "TRACE", 405)]
)
def test_twin_browsers_are_told_of_http3_exactly_where_nginx_has_it(
    stack: Stack, has_http3: bool, target: str, method: str, status: int
) -> None:
    """With the port that clients use: a wrong one would send them nowhere (RFC 7838 §3)."""
    answer = ask(open_tls(stack), request(target, method=method))
    assert answer.status == status
    offer = answer.headers.get("alt-svc", "")
    assert offer.startswith(f'h3=":{stack.https_port}"; ma=') == has_http3
    assert bool(offer) == has_http3


def test_attack_an_offer_of_http3_that_crossed_the_network_in_the_clear(stack: Stack) -> None:
    """Whoever sits in between could have written it (RFC 7838 §9.2)."""
    assert "alt-svc" not in ask(open_plain(stack.http_port), request()).headers


@pytest.mark.parametrize(
    "noise",
    [b"", b"\xff" * 1200, bytes(1200), b"\xc0" + bytes(1199)],
    ids=["nothing", "ones", "zeros", "an unknown version"],
)
def test_attack_noise_on_the_udp_port(stack: Stack, noise: bytes) -> None:
    with open_udp(stack.https_port) as udp:
        udp.send(noise)
    assert ask(open_tls(stack), request()).status == 200
