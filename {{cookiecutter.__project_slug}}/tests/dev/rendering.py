"""Calls the edge's renderer, and reads what it wrote or said."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

EDGE = Path(__file__).resolve().parents[2] / "edge"
PLACEHOLDER = re.compile(r"\$\{((?:EDGE|AUTO)_[A-Z0-9_]+)(?::-)?\}")
REQUIRED = {"EDGE_SERVER_NAME": "api.example.com", "EDGE_UPSTREAM": "127.0.0.1:8000"}
LONG_NAME = ".".join(["a" * 62] * 4)
"""251 characters; 253 are allowed."""
DEBIAN_12 = "nginx/1.22.1", "3.0.15", ""
DEBIAN_13 = "nginx/1.26.3", "3.5.1", "--with-http_v3_module"
BEFORE_HTTP3 = "nginx/1.26.3", "3.5.1", ""
MODULES = "--with-http_ssl_module --with-http_v2_module --with-http_realip_module"


def run_renderer(
    target: Path, values: dict[str, str], programs: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Render with this environment and nothing of ours, programs of a folder first."""
    path = os.environ["PATH"] if programs is None else f"{programs}:{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603 - a script of our own
        ["sh", str(EDGE / "render.sh"), str(target)],  # noqa: S607 - where sh is, POSIX leaves open
        env={"PATH": path, **values},
        capture_output=True,
        text=True,
        check=False,
    )


def files_of(folder: Path) -> dict[str, str]:
    """Return every file of a folder with its text."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rendered(
    target: Path, values: dict[str, str] | None = None, programs: Path | None = None
) -> dict[str, str]:
    """Return what was rendered into a new folder."""
    done = run_renderer(target, {**REQUIRED, **(values or {})}, programs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return files_of(target)


def said_by(
    target: Path, values: dict[str, str] | None = None, programs: Path | None = None
) -> list[str]:
    """Return the lines of a refusal, which leaves the target as it was."""
    target.mkdir(exist_ok=True)
    (target / "nginx.conf").write_text("# what runs now\n")
    done = run_renderer(target, {**REQUIRED, **(values or {})}, programs)
    assert done.returncode == 1
    assert files_of(target) == {"nginx.conf": "# what runs now\n"}
    assert sorted(target.iterdir()) == [target / "nginx.conf"]
    assert done.stdout == ""
    return done.stderr.splitlines()


def directives(files: dict[str, str]) -> str:
    """Return all of a configuration but its comments."""
    return "\n".join(
        line.split("  #")[0].strip()
        for text in files.values()
        for line in text.splitlines()
        if not line.lstrip().startswith("#")
    )


def nginx_that_says(folder: Path, build: tuple[str, str, str]) -> Path:
    """Return a folder with an nginx that tells of a build, and does nothing else."""
    version, openssl, modules = build
    folder.mkdir(exist_ok=True)
    program = folder / "nginx"
    program.write_text(
        f"#!/bin/sh\ncat >&2 <<'END'\nnginx version: {version}\n"
        f"built with OpenSSL {openssl} 1 Jan 2026\nTLS SNI support enabled\n"
        f"configure arguments: {MODULES} {modules}\nEND\n"
    )
    program.chmod(0o755)
    return folder


def listeners(files: dict[str, str]) -> list[str]:
    """Return what follows each `listen`, in order of the alphabet."""
    return sorted(re.findall(r"^listen ([^;]+);$", directives(files), re.MULTILINE))
