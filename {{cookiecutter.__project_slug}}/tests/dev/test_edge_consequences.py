"""What the edge's renderer derives: from other values, and from nginx's version and build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.dev.rendering import (
    BEFORE_HTTP3,
    DEBIAN_12,
    DEBIAN_13,
    directives,
    listeners,
    nginx_that_says,
    rendered,
    said_by,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("values", "authority", "public"),
    [
        ({}, "api.example.com", 443),
        ({"EDGE_HTTPS_PORT": "8443"}, "api.example.com:8443", 8443),
        ({"EDGE_HTTPS_PORT": "8443", "EDGE_AUTHORITY": "api.example.com"}, "api.example.com", 443),
        ({"EDGE_AUTHORITY": "api.example.com:444"}, "api.example.com:444", 444),
        ({"EDGE_AUTHORITY": "api.example.com:443"}, "api.example.com", 443),
    ],
)
def test_links_and_promises_name_the_port_that_the_public_knows(
    tmp_path: Path, values: dict[str, str], authority: str, public: int
) -> None:
    programs = nginx_that_says(tmp_path / "bin", DEBIAN_13)
    files = rendered(tmp_path / "edge", values, programs)
    assert f"return 308 https://{authority}$request_uri;" in files["conf.d/http.conf"]
    assert f"Host {authority};" in files["snippets/location/proxy-headers.conf"]
    assert f"""'h3=":{public}"; ma=86400'""" in files["choices/http3/on.conf"]


def test_origins_are_written_as_browsers_say_them_and_once(tmp_path: Path) -> None:
    origins = "https://A.example:443,https://a.example  https://b.example:8443"
    files = rendered(tmp_path / "edge", {"EDGE_ALLOWED_ORIGINS": origins})
    granted = re.findall(r'"on (\S+)" "(\S+)";', files["snippets/http/cors.conf"])
    assert granted == [(one, one) for one in ("https://a.example", "https://b.example:8443")]


def test_nobody_is_believed_unless_a_balancer_is_named(tmp_path: Path) -> None:
    said = directives(rendered(tmp_path / "edge"))
    assert "set_real_ip_from" not in said
    assert "real_ip_header" not in said
    assert "proxy_protocol" not in "".join(re.findall(r"listen [^;]+;", said))


def test_a_balancer_is_believed_about_one_header(tmp_path: Path) -> None:
    said = directives(rendered(tmp_path / "edge", {"EDGE_BALANCERS": "10.0.0.0/8,2001:db8::/32"}))
    assert re.findall(r"set_real_ip_from (\S+);", said) == ["10.0.0.0/8", "2001:db8::/32"]
    assert re.findall(r"real_ip_header (\S+);", said) == ["X-Forwarded-For"]
    assert "real_ip_recursive on;" in said


def test_every_listener_expects_the_protocol_of_the_balancer(tmp_path: Path) -> None:
    values = {"EDGE_BALANCERS": "10.0.0.1", "EDGE_CLIENT_HEADER": "proxy_protocol"}
    files = rendered(tmp_path / "edge", values, nginx_that_says(tmp_path / "bin", DEBIAN_13))
    listeners = re.findall(r"listen ([^;]+);", directives(files))
    assert len(listeners) == 4
    assert all("proxy_protocol" in listener for listener in listeners)


# From nginx's build


def test_debian_12_speaks_http2_in_the_old_way_and_no_http3(tmp_path: Path) -> None:
    files = rendered(tmp_path / "edge", None, nginx_that_says(tmp_path / "bin", DEBIAN_12))
    said = directives(files)
    assert listeners(files) == [
        "0.0.0.0:443 ssl http2",
        "0.0.0.0:443 ssl http2 default_server",
        "0.0.0.0:80",
        "0.0.0.0:80 default_server",
    ]
    assert not re.search(r"^http2 on;", said, re.MULTILINE)
    assert "ssl_ecdh_curve X25519:prime256v1:secp384r1;" in said
    assert "include choices/http3/off.conf;" in said


def test_debian_13_speaks_http3_and_withstands_quantum_computers(tmp_path: Path) -> None:
    programs = nginx_that_says(tmp_path / "bin", DEBIAN_13)
    files = rendered(tmp_path / "edge", {"EDGE_LISTEN": "127.0.0.1 [::]"}, programs)
    said = directives(files)
    assert said.count("http2 on;") == 2
    assert "ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1:secp384r1;" in said
    assert "include choices/http3/on.conf;" in said
    assert "ssl_early_data off;" in said
    assert "quic_retry on;" in said
    for address in ("127.0.0.1", "[::]"):
        quic = [line for line in listeners(files) if line.startswith(f"{address}:443 quic")]
        assert quic == [f"{address}:443 quic", f"{address}:443 quic reuseport default_server"]


@pytest.mark.parametrize(
    ("build", "values"),
    [
        (BEFORE_HTTP3, {}),
        (DEBIAN_13, {"EDGE_HTTP3": "off"}),
        (DEBIAN_13, {"EDGE_BALANCERS": "10.0.0.1"}),
    ],
    ids=["not built", "switched off", "behind a balancer"],
)
def test_http3_is_neither_spoken_nor_promised(
    tmp_path: Path, build: tuple[str, str, str], values: dict[str, str]
) -> None:
    files = rendered(tmp_path / "edge", values, nginx_that_says(tmp_path / "bin", build))
    assert not [line for line in listeners(files) if "quic" in line]
    assert "include choices/http3/off.conf;" in directives(files)
    assert directives(files).count("http2 on;") == 2


@pytest.mark.parametrize(
    ("openssl", "is_there"),
    [
        ("3.4.9 (running with OpenSSL 3.5.0", True),
        ("3.5.1 (running with OpenSSL 3.0.19", False),
        ("3.5.0", True),
        ("4.0.0", True),
        ("3.10.0", True),
        ("1.1.1", False),
    ],
)
def test_the_openssl_that_runs_decides_on_the_groups(
    tmp_path: Path, openssl: str, *, is_there: bool
) -> None:
    programs = nginx_that_says(tmp_path / "bin", ("nginx/1.26.3", openssl, ""))
    assert (
        "X25519MLKEM768:" in directives(rendered(tmp_path / "edge", None, programs))
    ) is is_there


@pytest.mark.parametrize(
    ("version", "is_new"),
    [("1.22.0", False), ("1.25.0", False), ("1.25.1", True), ("1.30.0", True)],
)
def test_the_way_of_http2_follows_the_version(
    tmp_path: Path, version: str, *, is_new: bool
) -> None:
    programs = nginx_that_says(tmp_path / "bin", (f"nginx/{version}", "3.0.15", ""))
    assert ("http2 on;" in directives(rendered(tmp_path / "edge", None, programs))) is is_new


@pytest.mark.parametrize("version", ["nginx/1.20.2", "nginx/0.8.0", "Apache/2.4.62", ""])
def test_an_nginx_that_is_too_old_or_none_is_refused(tmp_path: Path, version: str) -> None:
    programs = nginx_that_says(tmp_path / "bin", (version, "3.0.15", ""))
    (line,) = said_by(tmp_path / "edge", None, programs)
    assert line.startswith("nginx: is older than 1.22")


def test_an_nginx_without_a_module_that_is_needed_is_refused(tmp_path: Path) -> None:
    programs = nginx_that_says(tmp_path / "bin", DEBIAN_12)
    nginx = programs / "nginx"
    nginx.write_text(nginx.read_text().replace("--with-http_realip_module", ""))
    assert said_by(tmp_path / "edge", None, programs) == [
        "nginx: was built without http_realip_module"
    ]


def test_an_nginx_that_fails_is_said(tmp_path: Path) -> None:
    programs = nginx_that_says(tmp_path / "bin", DEBIAN_12)
    (programs / "nginx").write_text("#!/bin/sh\nexit 1\n")
    (line,) = said_by(tmp_path / "edge", None, programs)
    assert line.startswith("nginx: ")
