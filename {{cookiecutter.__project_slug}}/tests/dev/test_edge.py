"""The edge's configuration: placeholders, and that it agrees with the application."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from app.layers.headers import HeadersSettings, policy
from dev.certificates import ensure_certificates
from dev.edge import PLACEHOLDER, EdgeError, EdgeValues, install_certificate, render, substitute
from dev.runner import find_program, free_port

EDGE = Path(__file__).resolve().parents[2] / "edge"
VALUES = EdgeValues("localhost", http_port=8080, https_port=8443, upstream="127.0.0.1:8000")


def configuration() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(EDGE.rglob("*.conf")))


def directive(name: str) -> str:
    found = re.findall(rf"^\s*{name}\s+([^;]+);", configuration(), re.MULTILINE)
    assert len(found) == 1, found
    value: str = found[0]
    return value


def test_only_our_own_placeholders_are_filled_in() -> None:
    text = "listen ${EDGE_HTTP_PORT}; set $x $request_uri; set $y ${uri};"
    filled = substitute(text, VALUES.placeholders())
    assert filled == "listen 8080; set $x $request_uri; set $y ${uri};"


def test_a_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(EdgeError, match="EDGE_NOTHING has no value"):
        substitute("${EDGE_NOTHING}", VALUES.placeholders())


@pytest.mark.parametrize("value", ["a; return 200", 'a"', "$host", "a\nb", "a{}", "", "a#b"])
def test_a_value_that_could_change_the_configuration_is_refused(value: str) -> None:
    with pytest.raises(EdgeError, match="EDGE_SERVER_NAME"):
        substitute("${EDGE_SERVER_NAME}", {"EDGE_SERVER_NAME": value})


def test_every_placeholder_has_a_value_and_every_value_a_placeholder() -> None:
    assert set(PLACEHOLDER.findall(configuration())) == set(VALUES.placeholders())


def test_port_443_goes_without_saying() -> None:
    assert VALUES.authority == "localhost:8443"
    public = EdgeValues("api.example.com", http_port=80, https_port=443, upstream="app:8000")
    assert public.authority == "api.example.com"


def test_nginx_answers_with_the_same_security_headers_as_the_application() -> None:
    text = (EDGE / "snippets/location/security-headers.conf").read_text("utf-8")
    of_edge = {
        name.lower(): value.strip('"')
        for name, value in re.findall(r"^add_header (\S+) (.+) always;$", text, re.MULTILINE)
    }
    hsts = re.search(r'on +"(.+)";', (EDGE / "snippets/http/hsts.conf").read_text("utf-8"))
    assert hsts is not None
    assert of_edge.pop("strict-transport-security") == "$hsts"
    assert of_edge.pop("x-request-id") == "$request_id"
    of_edge["strict-transport-security"] = hsts[1]
    of_app = {name.decode(): value.decode() for name, value in policy(HeadersSettings()).items()}
    assert of_edge == of_app


def test_no_location_that_proxies_adds_headers() -> None:
    for path in EDGE.rglob("*.conf"):
        for block in re.findall(
            r"location [^{]*\{(.*?)\n    \}", path.read_text("utf-8"), re.DOTALL
        ):
            if "location/proxy.conf" in block:
                assert "add_header" not in block
                assert "security-headers.conf" not in block


def test_idle_connections_end_at_the_edge_before_they_end_at_the_application() -> None:
    upstream = (EDGE / "conf.d/upstream.conf").read_text("utf-8")
    edge = re.search(r"keepalive_timeout (\d+)s;", upstream)
    gunicorn = re.search(
        r"^keepalive = (\d+)", (EDGE.parent / "gunicorn.conf.py").read_text(), re.MULTILINE
    )
    assert edge is not None
    assert gunicorn is not None
    assert int(edge[1]) < int(gunicorn[1])


def test_more_requests_than_uvicorn_takes_are_refused_by_nginx_first() -> None:
    connections = re.search(r"max_conns=(\d+)", configuration())
    config = (EDGE.parent / "gunicorn.conf.py").read_text("utf-8")
    limit = re.search(r'"limit_concurrency": (\d+)', config)
    assert connections is not None
    assert limit is not None
    assert int(connections[1]) < int(limit[1])


def test_a_body_that_is_just_allowed_fits_into_memory() -> None:
    sizes = (EDGE / "snippets/http/sizes.conf").read_text("utf-8")
    limit = re.search(r"^client_max_body_size (\d+)m;", sizes, re.MULTILINE)
    assert limit is not None
    assert int(limit[1]) < int(directive("client_body_buffer_size").removesuffix("m"))
    assert directive("proxy_max_temp_file_size") == "0"


def test_the_limits_refuse_with_429() -> None:
    assert directive("limit_conn_status") == "429"
    assert directive("limit_req_status") == "429"


def test_a_folder_with_spaces_braces_and_quotes_in_its_name_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "a {b} 'c' $d é"
    folder.mkdir()
    certificates = ensure_certificates(tmp_path / "certificates")
    values = EdgeValues(
        "localhost", http_port=free_port(), https_port=free_port(), upstream="127.0.0.1:1"
    )
    render(EDGE, folder, values)
    install_certificate(folder, certificates.certificate, certificates.key)
    nginx = find_program("nginx")
    assert nginx is not None, "nginx is not installed: make system"
    done = subprocess.run(  # noqa: S603 - a command of our own
        [nginx, "-t", "-q", "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # nginx 1.25 has another way to say it, which 1.22 does not know; the old one works in both.
    old_way = 'the "listen ... http2" directive is deprecated'
    assert [line for line in done.stderr.splitlines() if old_way not in line] == []
