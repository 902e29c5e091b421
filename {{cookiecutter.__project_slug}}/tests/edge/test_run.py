"""run.sh: what it becomes, what it says at the start, and that nothing of it stays behind."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.edge.application import HALF
from tests.edge.certbot import rsa_key
from tests.edge.processes import session
from tests.edge.running import Edge, edge_files, running_edge, without_rights
from tests.stack import PATIENCE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def edge() -> Iterator[Edge]:
    """Return an edge with its files, not started."""
    with edge_files() as files:
        yield files


def words_of_a_start_that_fails(edge: Edge) -> str:
    edge.start()
    assert edge.process is not None
    assert edge.process.wait(PATIENCE_SECONDS) == 1
    return edge.log.read_text("utf-8")


# What it becomes


def test_it_becomes_nginx_under_the_number_it_was_started_with() -> None:
    with running_edge() as edge:
        assert edge.master == edge.pid
        with edge.client() as client:
            assert client.get("/").text == "here"


def test_it_runs_for_a_user_without_rights_from_a_folder_nobody_may_write_to(edge: Edge) -> None:
    for path in (edge.source, *edge.source.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    without_rights(edge)
    edge.start()
    edge.wait_until_ready()
    certificate, key = edge.pair()
    edge.put(certificate, key)
    edge.wait_until_served(certificate)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGTERM, signal.SIGINT])
def test_nothing_of_it_is_left_after_nginx_has_ended(how: signal.Signals) -> None:
    with running_edge() as edge:
        wait_until(lambda: any("cat" in one for one in session(edge.pid).values()), "the watch")
        os.kill(edge.pid, how)
        assert edge.process is not None
        assert edge.process.wait(PATIENCE_SECONDS) == 0
        wait_until(lambda: not session(edge.pid), "the end of the watch")


def test_it_lets_the_last_answer_end_and_is_not_disturbed_by_a_reload(edge: Edge) -> None:
    edge.start()
    edge.wait_until_ready()
    with edge.client() as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, "/slow")
        assert edge.application.begun.wait(PATIENCE_SECONDS)
        os.kill(edge.pid, signal.SIGQUIT)
        edge.put(*edge.pair())
        edge.reload()
        edge.application.may_end.set()
        assert answer.result(PATIENCE_SECONDS).content == HALF * 2
    assert edge.process is not None
    assert edge.process.wait(PATIENCE_SECONDS) == 0


# What it says at the start


@pytest.mark.parametrize("name", ["EDGE_CERTIFICATE_CHECK", "EDGE_CERTIFICATE_WARN_DAYS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "60s", "99999999999999999999", "٦٠", "1;id"])
def test_a_number_that_is_none_is_one_clear_line(edge: Edge, name: str, value: str) -> None:
    edge.environment[name] = value
    said = words_of_a_start_that_fails(edge)
    assert said.startswith(f"{name}: ")
    assert "; say 1 to " in said
    assert said.count("\n") == 1


def test_a_value_that_the_rendering_refuses_stops_the_start(edge: Edge) -> None:
    edge.environment["EDGE_UPSTREAM"] = "a; return 200"
    assert "EDGE_UPSTREAM: " in words_of_a_start_that_fails(edge)
    assert not (edge.folder / "nginx.conf").exists()


def test_without_a_certificate_it_says_first_which_file_is_missing(edge: Edge) -> None:
    edge.certificate.unlink()
    edge.key.write_bytes(b"")
    gone, empty = words_of_a_start_that_fails(edge).splitlines()
    assert gone.startswith(f"EDGE_CERTIFICATE: {edge.certificate} is missing, or user ")
    assert empty.startswith(f"EDGE_CERTIFICATE_KEY: {edge.key} is empty; docs/certificates.md ")


def test_a_key_that_its_user_may_not_read_is_one_clear_line(edge: Edge) -> None:
    without_rights(edge)
    if edge.user is not None:
        os.chown(edge.key, 0, 0)
    edge.key.chmod(0)
    (line,) = words_of_a_start_that_fails(edge).splitlines()
    assert line.startswith(f"EDGE_CERTIFICATE_KEY: {edge.key} may not be read by user ")


@pytest.mark.parametrize("kind", ["the same", "another"])
def test_with_the_key_of_another_certificate_it_does_not_start(edge: Edge, kind: str) -> None:
    key = edge.pair()[1]
    if kind == "another":  # nginx itself would start, and fail each handshake
        key = rsa_key()
    edge.put(None, key)
    assert words_of_a_start_that_fails(edge) == (
        f"EDGE_CERTIFICATE_KEY: {edge.key} does not belong to {edge.certificate}\n"
    )


def test_a_pair_that_nginx_does_not_take_stops_the_start_in_nginxs_words(edge: Edge) -> None:
    edge.put(edge.pair()[0].replace(b"M", b"!"), None)
    said = words_of_a_start_that_fails(edge)
    assert "cannot load certificate" in said
    assert str(edge.certificate) in said


def test_a_healthy_start_says_what_is_served_and_until_when(edge: Edge) -> None:
    edge.start()
    edge.wait_until_ready()
    (line,) = edge.lines("certificate_loaded")
    assert line["message"].startswith(f"starting with {edge.certificate} for localhost, notAfter=")
    assert (line["log.level"], edge.lines("certificate_wrong_name")) == ("info", [])


def test_of_a_certificate_with_many_names_the_first_are_said(edge: Edge) -> None:
    names = [f"{number}.other.localhost" for number in range(200)]
    edge.put(edge.certificate_again(*names), None)
    edge.start()
    message = edge.wait_for_line("certificate_wrong_name")["message"]
    assert "but for 0.other.localhost, 1.other.localhost, " in message
    assert len(message) < 500


def test_a_second_one_in_the_same_folder_says_who_is_there() -> None:
    with running_edge() as first:
        rendered = (first.folder / "conf.d" / "https.conf").read_text("utf-8")
        second = Edge(first.folder, first.application, first.authority, first.source)
        said = words_of_a_start_that_fails(second)
        assert f"an nginx (process {first.pid}) already runs in {first.folder}" in said
        assert (first.folder / "conf.d" / "https.conf").read_text("utf-8") == rendered
        assert first.served() == first.certificate.read_bytes()


def test_a_number_left_over_by_a_crash_does_not_stop_it(edge: Edge) -> None:
    (edge.folder / "nginx.pid").write_text(f"{os.getpid()}\n", "ascii")  # alive, and no nginx
    edge.start()
    edge.wait_until_ready()
    assert edge.master == edge.pid


def test_a_certificate_that_has_ended_is_served_and_called_so(edge: Edge) -> None:
    certificate = edge.certificate_again(life=timedelta(minutes=-1))
    edge.put(certificate, None)
    edge.start()
    edge.wait_until_ready()
    assert edge.wait_for_line("certificate_ended")["log.level"] == "error"
    assert edge.served() == certificate  # and challenges of the renewal can be answered
    renewed, key = edge.pair()
    edge.put(renewed, key)
    edge.wait_until_served(renewed)


def test_a_certificate_that_should_have_been_renewed_is_warned_of(edge: Edge) -> None:
    edge.put(edge.certificate_again(life=timedelta(days=13)), None)
    edge.start()
    assert edge.wait_for_line("certificate_ends")["log.level"] == "warning"


def test_a_certificate_that_is_not_due_yet_is_not_warned_of(edge: Edge) -> None:
    edge.put(edge.certificate_again(life=timedelta(days=15)), None)
    edge.start()
    edge.wait_until_ready()
    edge.put(*edge.pair())
    edge.wait_for_line("certificate_loaded", "serving ")  # the watch has been round
    assert edge.lines("certificate_ends") == []


def test_a_certificate_for_another_name_is_served_and_called_so(edge: Edge) -> None:
    edge.put(edge.certificate_again("other.localhost"), None)
    edge.start()
    edge.wait_until_ready()
    line = edge.wait_for_line("certificate_wrong_name")
    words = "is not for localhost but for other.localhost: clients refuse it"
    assert line["message"].endswith(words)


@pytest.mark.parametrize(("mode", "warned"), [(0o604, True), (0o640, False)], ids=["604", "640"])
def test_a_key_that_everybody_may_read_is_warned_of(edge: Edge, mode: int, warned: bool) -> None:
    edge.key.chmod(mode)
    edge.start()
    edge.wait_until_ready()
    assert bool(edge.lines("certificate_key_exposed")) is warned
