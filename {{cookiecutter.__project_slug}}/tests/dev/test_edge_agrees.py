"""The edge's configuration: what it says agrees with the application, and with itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.layers.cors import EXPOSED
from app.layers.headers import HeadersSettings, policy

EDGE = Path(__file__).resolve().parents[2] / "edge"
PLACEHOLDER = re.compile(r"\$\{((?:EDGE|AUTO)_[A-Z0-9_]+)(?::-)?\}")


def configuration() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(EDGE.rglob("*.conf")))


def text_of(path: str) -> str:
    return (EDGE / path).read_text("utf-8")


def directive(name: str) -> str:
    found = re.findall(rf"^\s*{name}\s+([^;]+);", configuration(), re.MULTILINE)
    assert len(found) == 1, found
    value: str = found[0]
    return value


def added_headers(path: str) -> dict[str, str]:
    """Return the headers a file adds, those it takes from another file too; none twice."""
    found: dict[str, str] = {}
    text = text_of(path)
    for included in re.findall(r"^include (\S+);$", text, re.MULTILINE):
        found |= added_headers(included)
    lines = re.findall(r"^add_header (\S+) (.+);$", text, re.MULTILINE)
    for name, value in lines:
        assert name.lower() not in found
        assert value.endswith(" always"), name
        found[name.lower()] = value.removesuffix(" always").strip('"')
    return found


@pytest.mark.parametrize("choice", ["standard", "preload"])
def test_nginx_answers_with_the_same_security_headers_as_the_application(choice: str) -> None:
    of_edge = added_headers("snippets/location/security-headers.conf")
    hsts = re.search(r'on +"(.+)";', text_of(f"choices/hsts/{choice}.conf"))
    assert hsts is not None
    assert of_edge.pop("strict-transport-security") == "$hsts"
    assert of_edge.pop("x-request-id") == "$request_id"
    assert of_edge.pop("vary") == "Origin"
    assert of_edge.pop("access-control-allow-origin") == "$cors_origin"
    assert of_edge.pop("access-control-expose-headers") == "$cors_exposed"
    assert of_edge.pop("alt-svc") == "$alt_svc"
    of_edge["strict-transport-security"] = hsts[1]
    settings = HeadersSettings(hsts_preload=choice == "preload")
    assert of_edge == {name.decode(): value.decode() for name, value in policy(settings).items()}


def test_allowed_pages_may_read_the_same_headers_from_nginx_as_from_the_application() -> None:
    exposed = re.search(r'default "([^"]+)";', text_of("snippets/http/cors.conf").split("map ")[2])
    assert exposed is not None
    assert exposed[1] == EXPOSED


def test_a_location_that_proxies_adds_nothing_but_the_way_to_http3() -> None:
    blocks = [
        block
        for path in EDGE.rglob("*.conf")
        for block in re.findall(
            r"location [^{]*\{(.*?)\n    \}", path.read_text("utf-8"), re.DOTALL
        )
        if "location/proxy.conf" in block
    ]
    assert len(blocks) == 1
    included = re.findall(r"include (\S+);", blocks[0])
    assert "add_header" not in blocks[0]
    assert {name for path in included for name in added_headers(path)} == {"alt-svc"}


def test_every_error_that_nginx_can_make_has_words_of_its_own() -> None:
    (statuses,) = re.findall(
        r"^error_page ([\d ]+) /__problem;", text_of("snippets/server/problems.conf"), re.MULTILINE
    )
    words = text_of("snippets/http/problems.conf")
    for name in ("slug", "title", "detail"):
        table = words.split(f"$problem_{name} {{")[1].split("}")[0]
        assert set(re.findall(r"^    (\d+) ", table, re.MULTILINE)) == set(statuses.split()) - {
            "500"
        }


def test_idle_connections_end_at_the_edge_before_they_end_at_the_application() -> None:
    edge = re.search(r"keepalive_timeout (\d+)s;", text_of("conf.d/upstream.conf"))
    gunicorn = re.search(
        r"^keepalive = (\d+)", (EDGE.parent / "gunicorn.conf.py").read_text(), re.MULTILINE
    )
    assert edge is not None
    assert gunicorn is not None
    assert int(edge[1]) < int(gunicorn[1])


def test_more_requests_than_uvicorn_takes_are_refused_by_nginx_first() -> None:
    """Idle connections count for uvicorn, and for nginx only by the worker that keeps them."""
    connections = re.search(r"max_conns=(\d+)", configuration())
    idle = int(directive("keepalive"))
    workers = 32
    config = (EDGE.parent / "gunicorn.conf.py").read_text("utf-8")
    limit = re.search(r'"limit_concurrency": (\d+)', config)
    assert connections is not None
    assert limit is not None
    assert int(connections[1]) + workers * idle < int(limit[1])


def test_a_body_that_is_just_allowed_fits_into_memory() -> None:
    limit = re.search(
        r"^client_max_body_size (\d+)m;", text_of("snippets/http/sizes.conf"), re.MULTILINE
    )
    assert limit is not None
    assert int(limit[1]) < int(directive("client_body_buffer_size").removesuffix("m"))
    assert directive("proxy_max_temp_file_size") == "0"


@pytest.mark.parametrize("limit", ["limit_conn_status", "limit_req_status"])
def test_the_limits_refuse_with_429_and_strangers_without_a_byte(limit: str) -> None:
    said = re.compile(rf"^\s*{limit} (\d+);", re.MULTILINE)
    assert said.findall(text_of("snippets/http/limits.conf")) == ["429"]
    strangers = text_of("conf.d/unknown-hosts.conf").split("\nserver {")
    assert [said.findall(server) for server in strangers] == [[], [], ["444"]]
    assert len(said.findall(configuration())) == 2
