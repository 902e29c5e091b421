"""The edge's renderer: nginx takes all that it writes. See `test_edge_*` for the rest."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from dev.certificates import CertificateFiles, ensure_certificates
from dev.edge import EdgeError, EdgeValues, install_certificate, readable_origins, render
from dev.runner import find_program
from tests.dev.rendering import EDGE, LONG_NAME, PLACEHOLDER, directives, rendered

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A pair for nginx to read."""
    return ensure_certificates(tmp_path_factory.mktemp("certificates"))


def assert_nginx_takes(folder: Path, certificates: CertificateFiles) -> None:
    """Let nginx read the configuration; it must have nothing to say."""
    install_certificate(folder, certificates.certificate, certificates.key)
    nginx = find_program("nginx")
    assert nginx is not None, "nginx is not installed: make system"
    done = subprocess.run(  # noqa: S603 - a command of our own
        [nginx, "-t", "-q", "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


LOCAL = {"EDGE_HTTP_PORT": "20080", "EDGE_HTTPS_PORT": "20443", "EDGE_ACCESS_LOG": "access.log"}
TAKEN = {
    "nothing more": {},
    "intermediate": {"EDGE_TLS": "intermediate"},
    "preload": {"EDGE_HSTS": "preload"},
    "both families": {"EDGE_LISTEN": "127.0.0.1 [::1]"},
    "the longest name": {"EDGE_SERVER_NAME": LONG_NAME},
    "origins": {"EDGE_ALLOWED_ORIGINS": f"https://a.example, https://[::1]:3000 https://{LONG_NAME}"},
    "a balancer": {"EDGE_BALANCERS": "10.0.0.0/8, 192.0.2.7, 2001:DB8::/32"},
    "a CDN": {"EDGE_BALANCERS": "192.0.2.0/24", "EDGE_CLIENT_HEADER": "CF-Connecting-IP"},
    "another CDN": {"EDGE_BALANCERS": "192.0.2.0/24", "EDGE_CLIENT_HEADER": "True-Client-IP"},
    "a real address": {"EDGE_BALANCERS": "192.0.2.0/24", "EDGE_CLIENT_HEADER": "X-Real-IP"},
    "connections": {"EDGE_BALANCERS": "192.0.2.0/24", "EDGE_CLIENT_HEADER": "proxy_protocol"},
    "a socket": {"EDGE_UPSTREAM": "unix:/run/app/app.sock"},
    "IPv6 behind": {"EDGE_UPSTREAM": "[::1]:8000"},
    "no HTTP/3": {"EDGE_HTTP3": "off"},
    "another port outside": {"EDGE_AUTHORITY": "api.example.com"},
    "another folder": {"EDGE_ACME_FOLDER": "challenges/here"},
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
def test_nginx_takes_what_was_rendered(
    tmp_path: Path, certificates: CertificateFiles, case: str
) -> None:
    files = rendered(tmp_path / "edge", {**LOCAL, **TAKEN[case]})
    assert "${" not in directives(files)
    assert_nginx_takes(tmp_path / "edge", certificates)


def test_a_folder_with_spaces_braces_and_quotes_in_its_name_is_taken(
    tmp_path: Path, certificates: CertificateFiles
) -> None:
    folder = tmp_path / "a {b} 'c' é"
    values = EdgeValues("localhost", http_port=20080, https_port=20443, upstream="127.0.0.1:1")
    render(EDGE, folder, values)
    assert_nginx_takes(folder, certificates)


def test_rendering_again_leaves_nothing_of_the_last_time(tmp_path: Path) -> None:
    target = tmp_path / "edge"
    first = rendered(target)
    (target / "snippets/http/old.conf").write_text("gzip on;\n")
    (target / "tls").mkdir()
    (target / "tls/key.pem").write_text("kept")
    assert rendered(target) == {**first, "tls/key.pem": "kept"}
    names = {path.name for path in target.iterdir()}
    assert names == {"nginx.conf", "conf.d", "snippets", "choices", "temp", "acme", "tls"}


def test_every_placeholder_has_a_value(tmp_path: Path) -> None:
    templates = "\n".join(path.read_text("utf-8") for path in EDGE.rglob("*.conf"))
    checks = (EDGE / "render/values.awk").read_text("utf-8")
    for name in set(PLACEHOLDER.findall(templates)):
        assert f'"{name}"' in checks, name
    assert "${" not in directives(rendered(tmp_path / "edge"))


def test_what_python_can_say_is_what_the_renderer_knows() -> None:
    values = EdgeValues("localhost", http_port=1, https_port=2, upstream="127.0.0.1:1")
    checks = (EDGE / "render/values.awk").read_text("utf-8")
    known = set(re.findall(r'"(EDGE_[A-Z0-9_]+)"', checks))
    # What run.sh reads itself is for its watch, which Python has no need of.
    of_watch = set(re.findall(r"\$\{(EDGE_[A-Z0-9_]+)", (EDGE / "run.sh").read_text("utf-8")))
    assert set(values.environment()) == known - of_watch
    assert of_watch < known


def test_a_refusal_reaches_python_with_its_reasons(tmp_path: Path) -> None:
    values = EdgeValues("localhost", http_port=0, https_port=1, upstream="x", tls="old")
    with pytest.raises(EdgeError, match=r"(?s)EDGE_HTTP_PORT.*EDGE_UPSTREAM.*EDGE_TLS"):
        render(EDGE, tmp_path, values)
    assert list(tmp_path.iterdir()) == []


def test_the_shells_own_variables_are_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_TLS", "old")
    values = EdgeValues("localhost", http_port=1, https_port=2, upstream="127.0.0.1:1")
    render(EDGE, tmp_path, values)
    assert "modern.conf" in (tmp_path / "snippets/http/tls.conf").read_text("utf-8")


def test_plain_pages_of_development_are_not_the_edges_matter() -> None:
    assert readable_origins("https://a.example, http://localhost:5173,https://b.example") == (
        "https://a.example https://b.example"
    )
    assert readable_origins("") == ""
