"""Runs the whole service on this machine until Ctrl-C: `make run`.

nginx, Redis, S3 and the application come up on loopback with a certificate from the local CA. If
one of them ends, all end. A second Ctrl-C does not wait for them.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from dotenv import dotenv_values

from dev.bootstrap import bootstrap
from dev.processes import ROOT, Ports, Service, serve
from dev.runner import ProcessError, Running, dying_with_us, is_port_free, tail, wait_for_end
from dev.smoke import smoke
from dev.smoke_samples import note_example  # sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType

WATCH_SECONDS = 3600.0
MAX_PORT = 65_535
# What a developer may point elsewhere; the rest of `.env` the application reads itself.
PASSED_ON = (
    "UPLOADS__ACCESS_KEY_ID",
    "UPLOADS__SECRET_ACCESS_KEY",
    "UPLOADS__ENDPOINT_URL",
    "UPLOADS__BUCKET",
    "REDIS__URL",
    "CORS__ALLOWED_ORIGINS",
)


class Stop(BaseException):
    """Somebody wants the service to end. No error, so nothing that handles errors stops it."""


class Ending:
    """The first signal ends the service in order, the second one at once."""

    def __init__(self) -> None:
        self.asked = False
        self.processes: Sequence[Running] = ()

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Handle SIGINT, SIGTERM and SIGHUP."""
        if self.asked:
            self._force(number)
        self.asked = True
        raise Stop

    def _force(self, number: int) -> NoReturn:
        for process in self.processes:
            process.kill()
        # What else was started hears from the kernel that we are gone.
        os._exit(128 + number)


def check_ports(ports: Ports) -> None:
    """Do nothing if both doors are free.

    Raises:
        ProcessError: one is taken; with what to do.
    """
    for name, port in (("HTTPS_PORT", ports.https), ("HTTP_PORT", ports.http)):
        if not is_port_free(port):
            raise ProcessError(
                f"port {port} is in use: stop what uses it, or choose another with "
                f"make run {name}={port + 1000}"
            )


def check_start(service: Service) -> None:
    """Do nothing if the application would start with these settings and this code.

    Raises:
        ProcessError: it would not; with its reasons, a line each.
    """
    done = subprocess.run(
        dying_with_us((sys.executable, "-m", "app.start")),
        cwd=service.folder or service.run,
        env=os.environ | service.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ProcessError((done.stderr or done.stdout).strip())


def stored_settings(env_file: Path) -> dict[str, str]:
    """Return the settings that other processes than the application need too."""
    stored = {**dotenv_values(env_file), **os.environ}
    return {name: value for name in PASSED_ON if (value := stored.get(name))}


def examples(url: str, ca_file: Path) -> list[str]:
    """Return shell commands that sign up, log in and use the service."""
    call = f"curl -sS --cacert '{ca_file}' -H 'Content-Type: application/json'"
    account = """-d '{"email": "you@example.com", "password": "blue-Horizon-42-lamps"}'"""
    pick = """python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'"""
    return [
        f"{call} {account} {url}/api/v1/accounts/signup",
        f"TOKEN=$({call} {account} {url}/api/v1/accounts/login | {pick})",
        f'{call} -H "Authorization: Bearer $TOKEN" {url}/api/v1/accounts/me',
        note_example(call, url),  # sample
    ]


def greet(service: Service) -> None:
    """Say where the service is and how to call it."""
    print(f"\nThe service is up on {service.https_url} (plain {service.http_url} leads there).")
    print(f"A page to try it on: {service.https_url}/docs")
    print(f"Logs are in {service.run}. Ctrl-C stops it.\n\nTry it:\n")
    for command in examples(service.https_url, service.certificates.authority):
        print(f"  {command}\n")
    sys.stdout.flush()


def run(arguments: argparse.Namespace, ending: Ending) -> int:
    """Run the service; return the exit code.

    Raises:
        ProcessError: something is missing, in use or did not start.
        Stop: it was asked to end.
    """
    made, certificates = bootstrap(ROOT)
    for line in made:
        print(f"Made {line}")
    ports = Ports(https=arguments.https_port, http=arguments.http_port)
    check_ports(ports)
    service = Service(
        run=ROOT / "var" / "run",
        certificates=certificates,
        settings=stored_settings(ROOT / ".env"),
        ports=ports,
        folder=ROOT,
    )
    check_start(service)
    for log in service.run.glob("*.log"):
        log.unlink()  # of the last run
    print("Starting nginx, Redis, S3 and the application ...", flush=True)
    with serve(service) as processes:
        ending.processes = processes
        if arguments.check:
            return smoke(service.https_url, certificates.authority)
        greet(service)
        ended = None
        while ended is None:
            ended = wait_for_end(processes, WATCH_SECONDS)
        raise ProcessError(f"{ended.name} ended, so all stops. Its log ends:\n{tail(ended.log)}")


def port(text: str) -> int:
    """Return a TCP port that can be listened on.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_PORT):
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {MAX_PORT}, not {text}")
    return int(text)


def main() -> int:
    """Read the arguments, run until told otherwise."""
    parser = argparse.ArgumentParser(prog="python -m dev.run", description=__doc__)
    parser.add_argument("--https-port", type=port, default=8443)
    parser.add_argument("--http-port", type=port, default=8080)
    parser.add_argument("--check", action="store_true", help="call it as a client would, then stop")
    arguments = parser.parse_args()
    ending = Ending()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ending.on_signal)
    try:
        return run(arguments, ending)
    except ProcessError as error:
        print(error, file=sys.stderr)
        return 1
    except Stop:
        print("\nStopped.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
