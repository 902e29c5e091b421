"""reload.sh: by hand, as systemd's ExecReload, and as certbot's deploy hook."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.edge.certbot import lineage
from tests.edge.processes import counting_looks, session, wait_for_more
from tests.edge.running import Edge, edge_files, running_edge, without_rights
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RARELY = {"EDGE_CERTIFICATE_CHECK": "3600"}
"""So that what happens is reload.sh's doing, not the watch's."""


@pytest.fixture
def edge() -> Iterator[Edge]:
    """Return an edge that runs, and looks for itself only once an hour."""
    with running_edge(environment=RARELY) as running:
        yield running


def test_what_changed_is_loaded(edge: Edge) -> None:
    certificate, key = edge.pair()
    edge.put(certificate, key)
    done = edge.reload()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr)["event.action"] == "certificate_loaded"
    edge.wait_until_served(certificate)


def test_what_is_bad_is_not_loaded_and_says_why(edge: Edge) -> None:
    served = edge.served()
    edge.put(edge.pair()[0], None)
    done = edge.reload()
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert line["event.action"] == "certificate_refused"
    reason = "what was served stays: the key does not belong to the certificate; nginx -t says: "
    assert reason in line["message"]
    assert "key values mismatch" in line["message"]
    assert edge.served() == served


def test_certbots_new_pair_is_put_in_place_with_the_old_mode_and_loaded(edge: Edge) -> None:
    certificate, key = edge.pair()
    edge.key.chmod(0o640)
    done = edge.reload(**lineage(edge, certificate, key))
    assert done.returncode == 0, done.stderr
    edge.wait_until_served(certificate)
    assert edge.key.read_bytes() == key
    assert stat.S_IMODE(edge.key.stat().st_mode) == 0o640
    assert sorted(path.name for path in edge.key.parent.iterdir()) == ["certificate.pem", "key.pem"]
    assert list(edge.folder.glob("kept.*")) == []


def test_certbot_is_root_and_nginx_need_not_be() -> None:
    with edge_files(environment=RARELY) as edge:
        without_rights(edge)
        edge.start()
        edge.wait_until_ready()
        certificate, key = edge.pair()
        owners = {path: path.stat().st_uid for path in edge.folder.rglob("*")}
        done = edge.reload(**lineage(edge, certificate, key))
        assert done.returncode == 0, done.stderr
        edge.wait_until_served(certificate)
        assert edge.key.read_bytes() == key
        assert {path: path.stat().st_uid for path in owners} == owners


def test_a_pair_in_a_folder_that_nginxs_user_may_not_write_to_is_one_clear_line() -> None:
    with edge_files(environment=RARELY) as edge:
        without_rights(edge)
        place = edge.key.parent
        if edge.user is not None:
            os.chown(place, 0, 0)
        place.chmod(0o555)
        edge.start()
        edge.wait_until_ready()
        served = edge.certificate.read_bytes()
        done = edge.reload(**lineage(edge, *edge.pair()))
        assert done.returncode == 1
        assert "may not write beside" in json.loads(done.stderr)["message"]
        assert edge.certificate.read_bytes() == served


@pytest.mark.parametrize("bad", ["another key", "empty", "another name"])
def test_of_a_bad_pair_from_certbot_nothing_stays(edge: Edge, bad: str) -> None:
    served, key = edge.certificate.read_bytes(), edge.key.read_bytes()
    new = {
        "another key": edge.pair()[0],
        "empty": b"",
        "another name": edge.certificate_again("other.localhost"),
    }[bad]
    done = edge.reload(**lineage(edge, new, key))
    assert done.returncode == 1
    assert json.loads(done.stderr)["event.action"] == "certificate_refused"
    assert (edge.certificate.read_bytes(), edge.key.read_bytes()) == (served, key)
    assert edge.served() == served
    assert list(edge.folder.glob("kept.*")) == []


def test_a_good_pair_from_certbot_outlives_a_configuration_that_is_broken() -> None:
    with running_edge() as edge:
        upstream = edge.folder / "conf.d" / "upstream.conf"
        good = upstream.read_text("utf-8")
        upstream.write_text(f"{good}\nno_such_directive;\n", "utf-8")
        certificate, key = edge.pair()
        done = edge.reload(**lineage(edge, certificate, key))
        assert done.returncode == 1
        assert "no_such_directive" in done.stderr
        assert edge.certificate.read_bytes() == certificate  # certbot calls only once
        upstream.write_text(good, "utf-8")
        edge.wait_until_served(certificate)


def test_a_renewal_of_another_service_is_none_of_our_business(edge: Edge) -> None:
    before = edge.certificate.read_bytes()
    variables = lineage(edge, *edge.pair()) | {"RENEWED_DOMAINS": "other.example notlocalhost"}
    done = edge.reload(**variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert edge.certificate.read_bytes() == before


def test_what_certbots_links_lead_to_is_left_as_it_is(edge: Edge) -> None:
    certificate, key = edge.pair()
    variables = lineage(edge, certificate, key)
    for path, name in ((edge.certificate, "fullchain.pem"), (edge.key, "privkey.pem")):
        path.unlink()
        path.symlink_to(f"{variables['RENEWED_LINEAGE']}/{name}")
    assert edge.reload(**variables).returncode == 0
    edge.wait_until_served(certificate)
    assert edge.certificate.is_symlink()
    assert edge.key.is_symlink()


def watch_of(edge: Edge) -> int:
    """Return the process of the watch, as soon as it has no subshell that is called the same."""

    def alone() -> list[int]:
        found = [number for number, words in session(edge.pid).items() if "/run.sh" in words]
        return found if len(found) == 1 else []

    found: list[int] = wait_until(alone, "the watch alone")
    return found[0]


def test_the_watch_does_not_load_again_what_was_just_loaded() -> None:
    with edge_files() as edge, counting_looks(edge) as looks:
        watch = watch_of(edge)
        os.kill(watch, signal.SIGSTOP)
        certificate, key = edge.pair()
        edge.put(certificate, key)
        assert edge.reload().returncode == 0
        edge.wait_until_served(certificate)
        os.kill(watch, signal.SIGCONT)
        wait_for_more(looks, 2)
        assert len(edge.lines("certificate_loaded")) == 1  # that of the start


def process_that_waits() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)


@pytest.mark.parametrize("left", ["nothing", "empty", "words", "another process"])
def test_without_a_running_nginx_it_says_so_and_signals_nobody(left: str) -> None:
    with edge_files() as edge:
        edge.start()
        edge.wait_until_ready()
        assert edge.process is not None
        edge.process.terminate()
        edge.process.wait()
        with process_that_waits() as bystander:
            contents = {"empty": "", "words": "-1", "another process": str(bystander.pid)}
            if left in contents:
                (edge.folder / "nginx.pid").write_text(contents[left], "ascii")
            done = edge.reload()
            assert bystander.poll() is None
            assert bystander.stdin is not None
            bystander.stdin.close()
            assert bystander.wait() == 0
        assert done.returncode == 1
        assert "no nginx that this user may signal runs in" in json.loads(done.stderr)["message"]


def test_a_folder_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    with edge_files() as edge:
        edge.folder = tmp_path
        done = edge.reload()
        assert done.returncode == 2
        assert done.stderr.startswith("usage: ")
        assert done.stderr.count("\n") == 1
