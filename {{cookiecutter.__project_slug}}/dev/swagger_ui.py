"""Brings Swagger UI's files into `app/docs/static/swagger-ui/`: `make swagger-ui`.

npm's package is held against the hash in `requirements/swagger-ui.lock` before anything is
unpacked, and only the files that the page needs are. Neither the service nor its installation needs
npm; this command does. None of the package's own scripts run, nor do its dependencies come along
(one of them reports who installs it).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "swagger-ui-dist"
LOCK = "requirements/swagger-ui.lock"
FOLDER = "app/docs/static/swagger-ui"
FILES = (
    "LICENSE",
    "NOTICE",
    "favicon-32x32.png",
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css",
)
MAX_BYTES = 8_000_000
"""Of one unpacked file. The largest has 1.7 million."""
NPM_SECONDS = 120
VERSION = re.compile(r"\d+\.\d+\.\d+")
INTEGRITY = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")
PINNED = re.compile(rf"^{PACKAGE}==({VERSION.pattern}) ({INTEGRITY.pattern})$", re.MULTILINE)
HEAD = "# Written by `make swagger-ui`: npm's package, and of what is unpacked the SHA-256.\n"


class CannotRefreshError(Exception):
    """Nothing was changed. The message says why, to the person at the screen."""


class Pin(NamedTuple):
    """A version, and npm's hash of its package (Subresource Integrity)."""

    version: str
    integrity: str


def read_pin(root: Path) -> Pin:
    """Return what the lock says.

    Raises:
        CannotRefreshError: it says nothing of the package.
    """
    found = PINNED.search((root / LOCK).read_text("utf-8"))
    if found is None:
        raise CannotRefreshError(f"{LOCK} has no line for {PACKAGE}")
    return Pin(*found.groups())


def choose(pinned: Pin, version: str | None, integrity: str | None) -> Pin:
    """Return what to fetch: what is pinned, or another version whose hash is given with it.

    Raises:
        CannotRefreshError: a value is misshapen, or another version comes without its hash.
    """
    wanted = Pin(version or pinned.version, integrity or pinned.integrity)
    if not VERSION.fullmatch(wanted.version):
        raise CannotRefreshError("VERSION is three numbers: VERSION=5.35.0")
    if not INTEGRITY.fullmatch(wanted.integrity):
        raise CannotRefreshError("INTEGRITY is sha512- and 88 characters")
    if wanted.version != pinned.version and integrity is None:
        raise CannotRefreshError(
            f"{LOCK} pins {pinned.version}. Read what {wanted.version} changes, then give its hash"
            f" too: INTEGRITY=$(npm view {PACKAGE}@{wanted.version} dist.integrity)"
        )
    return wanted


def fetch(version: str) -> bytes:
    """Return the package as npm has it.

    Raises:
        CannotRefreshError: npm is not there, or could not get it.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{PACKAGE}@{version}", "--ignore-scripts", "--silent"]
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, timeout=NPM_SECONDS
            )
            (archive,) = Path(folder).glob("*.tgz")
            return archive.read_bytes()
        except FileNotFoundError as error:
            raise CannotRefreshError("npm is missing; it comes with Node.js") from error
        except (subprocess.SubprocessError, ValueError) as error:
            said = getattr(error, "stderr", None) or b""
            last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise CannotRefreshError(f"npm could not pack {PACKAGE}@{version}. {last}") from error


def unpack(archive: bytes, integrity: str) -> dict[str, bytes]:
    """Return the files that are used, once the archive has proved to be the one that is meant.

    Raises:
        CannotRefreshError: another hash, or a file is missing, no plain file or far too large.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode("ascii")
    if found != integrity:
        raise CannotRefreshError(f"npm's package has another hash than it should: {found}")
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as package:
        members = {member.name: member for member in package.getmembers()}
        for name in FILES:
            member = members.get(f"package/{name}")
            if member is None or not member.isreg() or member.size > MAX_BYTES:
                raise CannotRefreshError(f"{name} is missing in the package, or no plain file")
            content = package.extractfile(member)
            files[name] = content.read() if content is not None else b""
    return files


def lock_text(pin: Pin, files: dict[str, bytes]) -> str:
    """Return what the lock is to say."""
    sums = [f"sha256:{hashlib.sha256(files[name]).hexdigest()} {name}\n" for name in FILES]
    return "".join((HEAD, f"{PACKAGE}=={pin.version} {pin.integrity}\n", *sums))


def refresh(root: Path, version: str | None = None, integrity: str | None = None) -> Pin:
    """Fetch, check and write; return what is there now.

    Raises:
        CannotRefreshError: it can't be had, or is not what it should be.
        OSError: a file can't be read or written.
    """
    pin = choose(read_pin(root), version, integrity)
    files = unpack(fetch(pin.version), pin.integrity)
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (root / LOCK).write_text(lock_text(pin, files), "utf-8")
    return pin


def main(arguments: list[str]) -> int:
    """Refresh this project's files; 1, and a line that says why, if they must stay."""
    parser = argparse.ArgumentParser(prog="make swagger-ui")
    parser.add_argument("--version")
    parser.add_argument("--integrity")
    given = parser.parse_args(arguments)
    try:
        pin = refresh(ROOT, given.version, given.integrity)
    except CannotRefreshError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(f"Swagger UI {pin.version} is in {FOLDER}. Run the tests before you commit it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
