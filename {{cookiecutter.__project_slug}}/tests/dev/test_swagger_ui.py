"""`make swagger-ui`: what npm gives is believed only if its hash is the one that was asked for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from dev import swagger_ui
from dev.swagger_ui import FILES, FOLDER, HEAD, LOCK, CannotRefreshError, main, read_pin, refresh

if TYPE_CHECKING:
    from pathlib import Path

OLD = "5.0.0"
NEW = "5.1.0"


def integrity_of(archive: bytes) -> str:
    """Return npm's hash of a package."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode("ascii")


def package(without: str = "", linked: str = "") -> bytes:
    """Return a package as npm packs it, with a file that nobody asked for."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in (*FILES, "index.html", "../../outside.js"):
            member = tarfile.TarInfo(f"package/{name}")
            content = f"content of {name}".encode()
            member.size = len(content)
            if name == linked:
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
            if name != without:
                archive.addfile(member, io.BytesIO(content))
    # Without the moment: two that are made a second apart are the same.
    return gzip.compress(packed.getvalue(), mtime=0)


class Registry:
    """Stands for npm: a program of that name, which packs what the test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "archive"
        self.calls = folder / "calls"
        self.give(package())

    def give(self, archive: bytes, status: int = 0) -> str:
        """Let npm give this package, and end so; return the package's hash."""
        self.archive.write_bytes(archive)
        program = self.folder / "npm"
        program.write_text(
            f'#!/bin/sh\necho "$*" >> "{self.calls}"\n[ {status} = 0 ] || echo "npm says no" >&2\n'
            f'[ {status} = 0 ] && cp "{self.archive}" ./packed.tgz\nexit {status}\n',
            "utf-8",
        )
        program.chmod(0o755)
        return integrity_of(archive)

    def called(self) -> list[str]:
        """Return the calls."""
        return self.calls.read_text("utf-8").splitlines() if self.calls.exists() else []


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Put the stand-in in npm's place."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Registry(folder)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project that has an older version."""
    root = tmp_path / "project"
    (root / FOLDER).mkdir(parents=True)
    (root / FOLDER / "gone.js").write_text("of an older release", "utf-8")
    (root / LOCK).parent.mkdir()
    pin(root, integrity_of(package()))
    return root


def pin(root: Path, integrity: str) -> None:
    (root / LOCK).write_text(f"{HEAD}swagger-ui-dist=={OLD} {integrity}\n", "utf-8")


def state(root: Path) -> dict[str, bytes]:
    """Return all of the project."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_pinned_is_fetched_checked_and_unpacked(root: Path, registry: Registry) -> None:
    assert refresh(root).version == OLD
    there = {path.name: path.read_text("utf-8") for path in (root / FOLDER).iterdir()}
    assert there == {name: f"content of {name}" for name in FILES}
    assert registry.called() == [f"pack swagger-ui-dist@{OLD} --ignore-scripts --silent"]
    before = state(root)
    refresh(root)
    assert state(root) == before


def test_another_version_comes_with_its_hash_and_is_pinned(root: Path, registry: Registry) -> None:
    integrity = registry.give(package())
    assert refresh(root, NEW, integrity) == read_pin(root) == (NEW, integrity)
    assert len((root / LOCK).read_text("utf-8").splitlines()) == 2 + len(FILES)


@pytest.mark.parametrize(
    ("version", "integrity", "told"),
    [
        (NEW, None, r"pins 5\.0\.0\. Read what 5\.1\.0 changes, then give its hash"),
        ("5.1", None, "VERSION is three numbers"),
        ("latest", None, "VERSION is three numbers"),
        ("5.1.0 --registry=http://evil.example", None, "VERSION is three numbers"),
        ("../evil", None, "VERSION is three numbers"),
        ("5.1.0\n", None, "VERSION is three numbers"),
        (NEW, "sha512-short", "INTEGRITY is sha512- and 88 characters"),
        (NEW, f"sha1-{'a' * 86}==", "INTEGRITY is sha512- and 88 characters"),
    ],
    ids=["no hash", "two numbers", "word", "option", "path", "line end", "short", "sha1"],
)
def test_a_wish_that_is_refused_asks_nobody_and_changes_nothing(
    root: Path, registry: Registry, version: str, integrity: str | None, told: str
) -> None:
    before = state(root)
    with pytest.raises(CannotRefreshError, match=told):
        refresh(root, version, integrity)
    assert registry.called() == []
    assert state(root) == before


def test_a_package_with_another_hash_changes_nothing(root: Path, registry: Registry) -> None:
    given = registry.give(package(without="index.html"))
    before = state(root)
    with pytest.raises(CannotRefreshError, match="another hash than it should") as caught:
        refresh(root)
    assert given in str(caught.value)
    assert state(root) == before


@pytest.mark.parametrize("change", ["without", "linked"])
@pytest.mark.parametrize("name", FILES)
def test_a_package_that_lacks_a_file_changes_nothing(
    root: Path, registry: Registry, change: str, name: str
) -> None:
    pin(root, registry.give(package(**{change: name})))
    before = state(root)
    with pytest.raises(CannotRefreshError, match=f"^{name} is missing in the package, or no plain"):
        refresh(root)
    assert state(root) == before


def test_npms_own_refusal_is_told(root: Path, registry: Registry) -> None:
    registry.give(b"", status=1)
    with pytest.raises(CannotRefreshError, match=rf"not pack swagger-ui-dist@{OLD}\. npm says no$"):
        refresh(root)


def test_a_machine_without_npm_is_told_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(CannotRefreshError, match="npm is missing"):
        refresh(root)


def test_a_lock_that_says_nothing_is_told(root: Path) -> None:
    (root / LOCK).write_text(HEAD, "utf-8")
    with pytest.raises(CannotRefreshError, match="has no line for swagger-ui-dist"):
        refresh(root)


def test_the_command_says_what_it_did_or_why_not(
    root: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(swagger_ui, "ROOT", root)
    assert main([]) == 0
    assert capsys.readouterr().out.startswith(f"Swagger UI {OLD} is in {FOLDER}.")
    assert main(["--version", NEW]) == 1
    assert capsys.readouterr().err.startswith(f"{LOCK} pins {OLD}.")
    assert len(registry.called()) == 1
    shutil.rmtree(root / FOLDER)
    assert main(["--version", OLD]) == 0
