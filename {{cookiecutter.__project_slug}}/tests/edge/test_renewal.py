"""A renewed certificate is served without a restart; a bad one is not served at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.edge.application import HALF
from tests.edge.certbot import rsa_key
from tests.edge.processes import counting_looks, wait_for_more
from tests.edge.running import Edge, edge_files, running_edge
from tests.raw_http2 import NO_ERROR, Http2, Stream, get
from tests.stack import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answered = TypeVar("Answered")


@pytest.fixture
def edge() -> Iterator[Edge]:
    """Return an edge that runs."""
    with running_edge() as running:
        yield running


def test_new_handshakes_see_the_new_certificate_and_nginx_is_the_same_process(edge: Edge) -> None:
    certificate, key = edge.pair()
    master = edge.master
    edge.put(certificate, key)
    edge.wait_until_served(certificate)
    assert edge.master == master
    line = edge.wait_for_line("certificate_loaded", "serving ")
    assert "notAfter=" in line["message"]
    assert (line["log.level"], line["service.name"]) == ("info", "edge")


def test_a_renewal_that_keeps_its_key_is_loaded_too(edge: Edge) -> None:
    again = edge.certificate_again()
    edge.put(again, None)
    edge.wait_until_served(again)


def across_a_renewal(edge: Edge, ask: Callable[[], Answered]) -> Answered:
    """Return an answer that begins before the new certificate is served, and ends after it."""
    certificate, key = edge.pair()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        assert edge.application.begun.wait(PATIENCE_SECONDS)
        edge.put(certificate, key)
        edge.wait_until_served(certificate)
        assert not answer.done()
        edge.application.may_end.set()
        return answer.result(PATIENCE_SECONDS)


def over_http2(edge: Edge, path: str) -> tuple[Stream, Http2]:
    """Ask for a path; again, as browsers do, if the connection left before it began to answer.

    By a client of our own, that lets its stream end after GOAWAY (RFC 9113 §6.8): the Python
    libraries give up all that is on a connection when it announces its end.
    """
    while True:
        with Http2(edge) as connection:
            stream = connection.ask(get(path))
        if stream.is_ended or connection.last_stream != 0:
            return stream, connection


def test_an_answer_that_began_before_the_reload_ends_whole(edge: Edge) -> None:
    with edge.client() as client:
        done = across_a_renewal(edge, lambda: client.get("/slow"))
    assert (done.status_code, done.content) == (200, HALF * 2)


def test_an_answer_over_http2_that_began_before_the_reload_ends_whole(edge: Edge) -> None:
    done, connection = across_a_renewal(edge, lambda: over_http2(edge, "/slow"))
    assert (done.is_ended, done.reset, done.body) == (True, None, HALF * 2)
    assert connection.goaway == NO_ERROR  # or it was not the reload that it lived through


def test_a_connection_kept_over_a_reload_goes_on_with_its_client_unaware(edge: Edge) -> None:
    certificate, key = edge.pair()
    with edge.client(http2=True) as client:
        assert client.get("/").text == "here"
        edge.put(certificate, key)
        edge.wait_until_served(certificate)
        assert client.get("/").text == "here"


def test_kubernetes_swaps_the_whole_volume_with_one_link() -> None:
    with edge_files() as edge:
        tls = edge.certificate.parent
        versions = [edge.pair(), edge.pair()]
        for number, pair in enumerate(versions):
            volume = tls / f"..{number}"
            volume.mkdir()
            for name, content in zip(("tls.crt", "tls.key"), pair, strict=True):
                (volume / name).write_bytes(content)
                (volume / name).chmod(0o640)
        (tls / "..data").symlink_to("..0")
        for name in ("tls.crt", "tls.key"):
            (tls / name).symlink_to(f"..data/{name}")
        edge.environment.update(EDGE_CERTIFICATE="tls/tls.crt", EDGE_CERTIFICATE_KEY="tls/tls.key")
        edge.start()
        edge.wait_until_ready()
        assert edge.served() == versions[0][0]
        (tls / "..new").symlink_to("..1")
        (tls / "..new").replace(tls / "..data")
        edge.wait_until_served(versions[1][0])
        assert edge.lines("certificate_refused") == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("another key", "the key does not belong to the certificate; nginx -t says: SSL_CTX_use_"),
        ("another kind of key", "the key does not belong to the certificate"),
        ("broken", "cannot load certificate"),
        ("empty", "certificate.pem is empty"),
        ("gone", "certificate.pem is missing, or user "),
        ("another name", "is not for localhost but for other.localhost"),
        ("ended", "has ended (notAfter="),
    ],
)
def test_a_bad_pair_is_said_once_and_loaded_when_it_is_whole(bad: str, words: str) -> None:
    with edge_files() as edge, counting_looks(edge) as looks:
        served = edge.served()
        certificate, key = edge.pair()
        if bad == "another key":
            edge.put(certificate, None)
        elif bad == "another kind of key":  # which nginx itself would load
            edge.put(certificate, rsa_key())
        elif bad == "broken":
            edge.put(certificate.replace(b"M", b"!"), key)
        elif bad == "empty":
            edge.put(b"", key)
        elif bad == "gone":
            edge.certificate.unlink()
        elif bad == "another name":
            edge.put(edge.certificate_again("other.localhost"), None)
        else:
            edge.put(edge.certificate_again(life=timedelta(minutes=-1)), None)
        line = edge.wait_for_line("certificate_refused")
        assert words in line["message"]
        assert line["log.level"] == "error"
        wait_for_more(looks, 3)  # the third is of the look after the next
        assert len(edge.lines("certificate_refused")) == 1
        assert edge.served() == served
        edge.put(certificate, key)
        edge.wait_until_served(certificate)


def test_a_renewal_is_not_lost_when_nginx_refuses_for_another_reason(edge: Edge) -> None:
    upstream = edge.folder / "conf.d" / "upstream.conf"
    good = upstream.read_text("utf-8")
    upstream.write_text(f'{good}\nno_such_directive "x\\\\y";\n', "utf-8")
    certificate, key = edge.pair()
    edge.put(certificate, key)
    message = edge.wait_for_line("certificate_refused")["message"]
    assert 'unknown directive "no_such_directive"' in message
    upstream.write_text(good, "utf-8")
    edge.wait_until_served(certificate)


def test_twenty_reloads_in_a_row_fail_no_request(edge: Edge) -> None:
    pairs = [edge.pair() for _ in range(20)]
    master = edge.master
    bodies: set[bytes] = set()
    count = 0
    with ThreadPoolExecutor(1) as pool:

        def reload_all() -> None:
            for pair in pairs:
                edge.put(*pair)
                done = edge.reload()
                assert done.returncode == 0, done.stderr

        reloads = pool.submit(reload_all)
        while not reloads.done():
            with edge.client() as client:
                bodies.add(client.get("/").content)
            bodies.add(over_http2(edge, "/")[0].body)
            count += 1
        reloads.result()
    assert bodies == {b"here"}
    assert count > 1
    edge.wait_until_served(pairs[-1][0])
    assert edge.master == master
