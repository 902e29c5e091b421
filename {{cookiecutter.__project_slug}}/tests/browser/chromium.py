"""The system's Chromium, headless, as a visitor's browser that reaches loopback and no further."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import sync_playwright

from dev.runner import HOST
from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from playwright.sync_api import Browser, Page

# Chrome first: where Ubuntu has both, only Chrome may use its sandbox (AppArmor).
PROGRAMS = ("google-chrome-stable", "google-chrome", "chromium", "chromium-browser")
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""


class MissingBrowserError(Exception):
    """There is no Chromium, and what only a browser can prove stays unproven."""


def find_program() -> str:
    """Return the path of a Chromium.

    Raises:
        MissingBrowserError: there is none.
    """
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise MissingBrowserError("No Chromium on PATH: apt-get install chromium, or Google Chrome")
    return found


def key_hash(certificate: Path) -> str:
    """Return the hash of a certificate's key by which Chromium can be told to believe it."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode("ascii")


@contextmanager
def started(places: Mapping[str, int], certificates: tuple[Path, ...]) -> Iterator[Browser]:
    """Run a browser with a fresh profile.

    Args:
        places: where on loopback each `name:port` is found; no other name is.
        certificates: believed, since no authority of the world issued them.
    """
    rules = [f"MAP {name} {HOST}:{port}" for name, port in places.items()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program(),
            chromium_sandbox=os.geteuid() != 0,  # root can't have it
            args=[
                *FLAGS,
                f"--host-resolver-rules={','.join([*rules, 'MAP * ~NOTFOUND'])}",
                f"--ignore-certificate-errors-spki-list={','.join(map(key_hash, certificates))}",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()


def user_agent(browser: Browser) -> str:
    """Return the name that this browser has when people use it.

    Headless it says so, and layer 5 refuses browsers that programs drive.
    """
    page = browser.new_page()
    name = str(page.evaluate("navigator.userAgent"))
    page.close()
    return name.replace("Headless", "")


@dataclass(slots=True)
class Tab:
    """A page and what was seen of it."""

    page: Page
    asked: list[str] = field(default_factory=list)
    """The address of every request."""
    failed: dict[str, str] = field(default_factory=dict)
    """What became of those that failed."""
    complaints: list[str] = field(default_factory=list)
    """Errors on the console, and exceptions that no script caught."""

    def watch(self) -> Tab:
        """Begin to look."""
        self.page.add_init_script(WATCH)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on(
            "requestfailed",
            lambda request: self.failed.update({request.url: request.failure or ""}),
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        return self

    def wait_until(self, condition: Callable[[], Any], what: str) -> Any:
        """Return the condition's first true value; the browser's news come in meanwhile.

        Raises:
            TimeoutError: it did not come true in time.
        """

        def look() -> Any:
            self.page.evaluate("null")  # Playwright hears the browser only while it is called
            return condition()

        return wait_until(look, what)

    def violations(self) -> list[str]:
        """Return what the page's CSP forbade: a directive and what it was held against."""
        found: list[str] = self.page.evaluate("violations")
        return found
