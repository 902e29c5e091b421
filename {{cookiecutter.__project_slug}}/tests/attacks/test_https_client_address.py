"""Attacks on layer 1 by clients that say they are someone else.

Every limit, ban and log line is by client address, so whoever can choose it has none. Behind a load
balancer or CDN: `test_https_balancers.py`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.raw import ask, open_tls, request
from tests.stack import fresh_source

if TYPE_CHECKING:
    from tests.lone_edge import LoneEdge
    from tests.stack import Stack

FORGED = "198.51.100.7"


@pytest.mark.parametrize(
    "header",
    [
        *(f"X-Forwarded-For: {FORGED}", f"X-Real-IP: {FORGED}", f"True-Client-IP: {FORGED}"),
        *(f"CF-Connecting-IP: {FORGED}", f"Client-IP: {FORGED}", f"X-Client-IP: {FORGED}"),
        *(f"Forwarded: for={FORGED};proto=http", f"X_Forwarded_For: {FORGED}"),
        *(f"X-Cluster-Client-IP: {FORGED}", f"Fastly-Client-IP: {FORGED}"),
        "Connection: close, X-Forwarded-For",
    ],
)
def test_attack_a_forged_client_address(edge: LoneEdge, header: str) -> None:
    source = fresh_source()
    assert edge.seen_client(source, header) == source


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.example")),
        *(("X-Forwarded-Port", "80"), ("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Ssl", "off")),
        *(("X-Original-URL", "/admin"), ("X-Rewrite-URL", "/admin"), ("X-Host", "evil.example")),
        *(("X-HTTP-Method-Override", "DELETE"), ("Proxy", "http://evil.example")),
        *(("X-Request-ID", "chosen"), ("X-TLS-Ciphers", "chosen"), ("X-TLS-Groups", "chosen")),
        *(("Front-End-Https", "off"), ("X-Forwarded-Scheme", "http"), ("X-Scheme", "http")),
    ],
    ids=str,
)
def test_attack_a_forged_word_of_the_proxy(edge: LoneEdge, name: str, value: str) -> None:
    mark = secrets.token_hex(8)
    ask(open_tls(edge.stack), request(f"/{mark}", f"{name}: {value}", f"{name}: {value}"))
    arrival = edge.the_arrival(mark)
    assert value not in arrival.values(name.lower())
    assert arrival.values("x-forwarded-proto") == ["https"]
    assert arrival.values("x-forwarded-host") == [f"localhost:{edge.stack.https_port}"]


def test_attack_a_handshake_that_offers_all_there_is(edge: LoneEdge) -> None:
    """Its length is the client's choice, so no request may grow by what it holds."""
    source, lengths = fresh_source(), set()
    for offered in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ALL:COMPLEMENTOFALL"):
        context = edge.stack.tls_context()
        context.set_ciphers(offered)
        mark = secrets.token_hex(8)
        tls = open_tls(edge.stack, context=context, source=source)
        assert ask(tls, request(f"/{mark}")).status == 200
        lengths.add(len(edge.the_arrival(mark).head))
    assert len(lengths) == 1


def test_twin_an_honest_client_is_seen_as_who_it_is(stack: Stack) -> None:
    source = fresh_source()
    answer = stack.client(source).get("/healthz")
    (line, *_) = stack.log_lines("request", request_id=answer.headers["x-request-id"])
    assert line["source.ip"] == source
