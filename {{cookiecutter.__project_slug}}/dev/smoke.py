"""Calls a running service over HTTPS as a client would: `python -m dev.smoke --url … --ca …`.

One line for each call, with what was answered. Ends with 1 at the first answer that is not the
expected one.
"""

from __future__ import annotations

import argparse
import secrets
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from dev.bootstrap import ROOT
from dev.smoke_samples import call_samples  # sample

if TYPE_CHECKING:
    from collections.abc import Callable

API = "/api/v1"
TIMEOUT_SECONDS = 15.0


class UnexpectedAnswerError(Exception):
    """The service did not answer as expected; the message has been printed."""


def tampered(token: str) -> str:
    """Return the token with one character of its payload changed."""
    header, payload, signature = token.split(".")
    middle = len(payload) // 2
    other = "A" if payload[middle] != "A" else "B"
    return f"{header}.{payload[:middle]}{other}{payload[middle + 1 :]}.{signature}"


class Smoke:
    """A client that says what it does."""

    def __init__(self, client: httpx.Client, say: Callable[[str], None] = print) -> None:
        self.client = client
        self.say = say

    def expect(
        self, status: int, what: str, method: str, path: str, **request: Any
    ) -> httpx.Response:
        """Send a request, print a line, return the answer.

        Raises:
            UnexpectedAnswerError: the status is another one, or there was no answer.
        """
        try:
            answer = self.client.request(method, path, **request)
        except httpx.HTTPError as error:
            self.say(f"FAILED  ---  {what}: {type(error).__name__}: {error}")
            raise UnexpectedAnswerError from error
        if answer.status_code != status:
            self.say(
                f"FAILED  {answer.status_code}  {what}, expected {status}: {answer.text[:500]}"
            )
            raise UnexpectedAnswerError
        self.say(f"ok      {status}  {what}")
        return answer

    def log_in(self) -> str:
        """Make an account; return its access token."""
        credentials = {
            "email": f"smoke-{secrets.token_hex(6)}@example.com",
            "password": f"Aa1-{secrets.token_urlsafe(18)}",
        }
        self.expect(201, "sign up", "POST", f"{API}/accounts/signup", json=credentials)
        login = self.expect(200, "log in", "POST", f"{API}/accounts/login", json=credentials)
        token: str = login.json()["access_token"]
        return token

    def run(self) -> None:
        """Make every call.

        Raises:
            UnexpectedAnswerError: at the first answer that is not as expected.
        """
        self.expect(200, "the service is alive", "GET", "/healthz")
        token = self.log_in()
        me = f"{API}/accounts/me"
        mine = {"Authorization": f"Bearer {token}"}
        self.expect(200, "ask who I am", "GET", me, headers=mine)
        forged = {"Authorization": f"Bearer {tampered(token)}"}
        self.expect(401, "refused: a token with a changed letter", "GET", me, headers=forged)
        call_samples(self)  # sample


def smoke(url: str, ca_file: Path) -> int:
    """Call the service at this address; return 0 if all was as expected, 1 if not."""
    context = ssl.create_default_context(cafile=str(ca_file))
    with httpx.Client(
        base_url=url, verify=context, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as client:
        try:
            Smoke(client).run()
        except UnexpectedAnswerError:
            return 1
    return 0


def main() -> int:
    """Read the arguments and call the service."""
    parser = argparse.ArgumentParser(prog="python -m dev.smoke", description=__doc__)
    parser.add_argument("--url", default="https://localhost:8443")
    parser.add_argument("--ca", type=Path, default=ROOT / "var/certificates/ca.pem")
    arguments = parser.parse_args()
    return smoke(arguments.url, arguments.ca)


if __name__ == "__main__":
    sys.exit(main())
