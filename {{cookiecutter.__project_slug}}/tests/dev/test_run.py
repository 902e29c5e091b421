"""`make run`: what it says when it can't, and how it ends."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dev.certificates import CertificateFiles
from dev.processes import Ports, Service, app, nginx, redis, s3
from dev.run import Ending, Stop, check_ports, check_start, port, stored_settings
from dev.runner import HOST, ProcessError, free_port
from dev.smoke import tampered
from tests.in_process import signing_key_pem

ROOT = Path(__file__).resolve().parents[2]


def service(folder: Path) -> Service:
    nowhere = folder / "none.pem"
    files = CertificateFiles(nowhere, nowhere, nowhere, made=False)
    return Service(run=folder / "run", certificates=files, settings={"SERVER__WORKERS": "1"})


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server((HOST, 0)) as listener:
        taken = listener.getsockname()[1]
        with pytest.raises(ProcessError, match=rf"^port {taken} is in use: .*HTTPS_PORT=\d+$"):
            check_ports(Ports(https=taken))
        with pytest.raises(ProcessError, match=rf"^port {taken} is in use: .*HTTP_PORT=\d+$"):
            check_ports(Ports(https=free_port(), http=taken))


@pytest.mark.parametrize("text", ["99999", "0", "-1", "8443.0", "https", "", "٨٤٤٣"])
def test_what_is_no_port_is_refused_by_name(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a port is a number from 1 to 65535"):
        port(text)
    assert port("65535") == 65_535


def test_an_application_that_would_not_start_is_told_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    one = service(tmp_path)
    one.settings["DATABSE__URL"] = "x"
    with pytest.raises(ProcessError) as refused:
        check_start(one)
    assert str(refused.value) == "DATABSE__URL: no such setting; did you mean DATABASE__URL?"
    assert list((tmp_path / "run").iterdir()) == []


def test_an_application_that_would_start_is_not_held_up(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    one = service(tmp_path)
    one.settings.update(ENVIRONMENT="development", AUTHENTICATION__PRIVATE_KEY=signing_key_pem())
    check_start(one)


def test_the_first_signal_ends_in_order_and_the_second_at_once() -> None:
    program = (
        "import signal, sys\n"
        "from dev.run import Ending, Stop\n"
        "signal.signal(signal.SIGINT, Ending().on_signal)\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "except Stop:\n"
        "    print('ending', flush=True)\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "print('not reached')\n"
    )
    done = subprocess.run(  # noqa: S603 - a command of our own
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "ending\n"
    assert done.returncode == 128 + signal.SIGINT


def test_an_end_is_no_error_that_somebody_could_swallow() -> None:
    with pytest.raises(Stop):
        Ending().on_signal(signal.SIGTERM, None)
    assert not issubclass(Stop, Exception)


def test_the_storage_gets_the_same_credentials_as_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".env"
    env.write_text("UPLOADS__ACCESS_KEY_ID=stored\nUPLOADS__BUCKET=\nLOGS__LEVEL=INFO\n", "utf-8")
    assert stored_settings(env) == {"UPLOADS__ACCESS_KEY_ID": "stored"}
    monkeypatch.setenv("UPLOADS__ACCESS_KEY_ID", "given")
    assert stored_settings(env) == {"UPLOADS__ACCESS_KEY_ID": "given"}


def test_every_process_listens_on_loopback_only(tmp_path: Path) -> None:
    one = service(tmp_path)
    for process in (nginx(one), redis(one), s3(one), app(one)):
        assert f"//{HOST}:" in process.ready
    assert one.environment["SERVER__BIND"].startswith(f"{HOST}:")


def test_what_the_caller_sets_goes_over_what_follows_from_the_plan(tmp_path: Path) -> None:
    one = service(tmp_path)
    assert one.environment["SERVER__WORKERS"] == "1"
    assert one.redis_url == one.environment["REDIS__URL"]
    assert one.redis_password in one.redis_url


def test_secrets_are_not_on_any_command_line(tmp_path: Path) -> None:
    one = service(tmp_path)
    for process in (nginx(one), redis(one), s3(one), app(one)):
        assert one.redis_password not in " ".join(process.command)


def test_a_tampered_token_differs_in_its_payload_only() -> None:
    header, payload, signature = "aaaa", "bbbb", "cccc"
    changed = tampered("aaaa.bbbb.cccc").split(".")
    assert (changed[0], changed[2]) == (header, signature)
    assert changed[1] != payload
