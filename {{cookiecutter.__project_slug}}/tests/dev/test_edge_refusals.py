"""What the edge's renderer refuses: all of it at once, by name, and without writing anything."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.dev.rendering import EDGE, LONG_NAME, REQUIRED, files_of, run_renderer, said_by

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {
    "EDGE_SERVER_NAME": [
        "", "a b", "*.example.com", ".example.com", "~x", "_", "API.example.com", "127.0.0.1",
        "a..b", "-a.example", "a.example.", LONG_NAME + "ab", "a" * 64, "a:443", "[::1]",
    ],
    "EDGE_AUTHORITY": ["evil.example", "api.example.com:0", "api.example.com:65536", "x:443"],
    "EDGE_LISTEN": [
        "localhost", "1.2.3", "1.2.3.256", "01.2.3.4", "::", "[::", "[g::]", "unix:/x",
        ",", " ", " , ",
    ],
    "EDGE_HTTP_PORT": ["0", "65536", "-1", "8 0", "80a", "0080", "1e3", "443"],
    "EDGE_HTTPS_PORT": ["0", "99999", "x"],
    "EDGE_UPSTREAM": [
        "", "127.0.0.1", "127.0.0.1:", ":8000", "127.0.0.1:0", "http://a:1", "unix:app.sock",
        "unix:/run/../x", "unix:/run/a b", "unix:/" + "a" * 107, "unix:", "a:1 backup", "::1:80",
    ],
    "EDGE_CERTIFICATE": ["../tls.pem", "a/../../b", "data:x", "a b", "/", "a//b"],
    "EDGE_CERTIFICATE_KEY": ["engine:x:y", "./../x"],
    "EDGE_CERTIFICATE_CHECK": ["0", "-1", "1.5", "60s", "86401", "060", "9" * 20, "٦٠"],
    "EDGE_CERTIFICATE_WARN_DAYS": ["0", "366", "two weeks"],
    "EDGE_ACCESS_LOG": ["off", "syslog:server=a", "a|b"],
    "EDGE_ERROR_LOG": ["memory:32m", "a debug"],
    "EDGE_ACME_FOLDER": ["..", "a/..", "~"],
    "EDGE_TLS": ["old", "Modern", "modern intermediate", "../hsts/preload", "modern.conf", "*"],
    "EDGE_HSTS": ["off", "Standard", "yes"],
    "EDGE_HTTP3": ["on", "true", "1"],
    "EDGE_USER": ["www data", "0", "Root", "a:b"],
    "EDGE_BALANCERS": [
        "all", "any", "*", "0.0.0.0/0", "0.0.0.0",  # noqa: S104 - refused
         "0/0", "::/0", "::", "10.0.0.0/7", "128.0.0.0/1",
        "2000::/3", "2001:db8::/15", "::ffff:0:0/96", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
        "10.0.0.0/08", "unix:", "balancer.internal", "10.0.0.0-10.0.0.9", "10.0.0", "1::2::3",
        "10.0.0.1 all", "2001:db8::/129", "12345::", "1:2:3:4:5:6:7:8:9", "::ffff:10.0.0.0/104",
    ],
    "EDGE_ALLOWED_ORIGINS": [
        "*", "null", "https://*", "https://*.example.com", "http://a.example", "a.example",
        "https://a.example/", "https://a.example/x", "https://a.example:0", "https://u@a.example",
        "https://a.example:65536", "https://", "//a.example", "https://a.example?x", "file://",
        "https://a.example,null", "~https://a.example", "https://exämple.com", "https://a_b.example",
    ],
}  # fmt: skip
HOSTILE = [
    "a; return 200 x", 'a"', "a'", "$host", "${EDGE_USER}", "a\nb", "a\r", "a\tb", "a{}", "a}",
    "a#b", "a\\", "`id`", "$(id)", "a&b", "\x1b[2J", "\x7f", "é", "a;", "%0a", "-",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in REFUSED.items() for value in values],
    ids=lambda text: ascii(text)[:60],
)
def test_attack_a_value_that_is_no_such_value(tmp_path: Path, name: str, value: str) -> None:
    lines = said_by(tmp_path / "edge", {name: value})
    assert lines
    assert {line.partition(":")[0] for line in lines} == {name}


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_attack_a_value_that_would_break_out_of_its_directive(tmp_path: Path, value: str) -> None:
    """In every variable at once: each is refused by name, in one line that a terminal can show."""
    names = [*REFUSED, "EDGE_CLIENT_HEADER"]
    values = dict.fromkeys(names, value)
    lines = said_by(tmp_path / "edge", values)
    path_like = {"EDGE_CERTIFICATE", "EDGE_CERTIFICATE_KEY", "EDGE_ACCESS_LOG", "EDGE_ERROR_LOG"}
    is_a_path = value == "-"
    expected = set(names) - ({*path_like, "EDGE_ACME_FOLDER"} if is_a_path else set())
    assert {line.partition(":")[0] for line in lines} == expected
    assert all(line.isascii() and line.isprintable() for line in lines)


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_attack_a_hostile_value_within_a_list(tmp_path: Path, value: str) -> None:
    lines = said_by(
        tmp_path / "edge",
        {
            "EDGE_LISTEN": f"127.0.0.1 {value}",
            "EDGE_BALANCERS": f"10.0.0.1,{value}",
            "EDGE_ALLOWED_ORIGINS": f"https://a.example, {value}",
        },
    )
    names = [line.partition(":")[0] for line in lines]
    assert set(names) == {"EDGE_LISTEN", "EDGE_BALANCERS", "EDGE_ALLOWED_ORIGINS"}


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    lines = said_by(
        tmp_path / "edge",
        {
            "EDGE_SERVER_NAME": "",
            "EDGE_TLS": "modren",
            "EDGE_HTTPS_PORT": "0",
            "EDGE_BALANCERS": "all",
        },
    )
    assert lines == [
        "EDGE_SERVER_NAME: is missing: say the one name that is served",
        'EDGE_HTTPS_PORT: "0" is no port; say 1 to 65535',
        'EDGE_TLS: "modren" is no choice; say intermediate or modern',
        (
            'EDGE_BALANCERS: "all" is no address or network; say what your load balancer connects '
            "from, like 10.0.3.0/24 or 2001:db8::/32"
        ),
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EDGE_SERVERNAME", "EDGE_SERVER_NAME"),
        ("EDGE_ALLOWED_ORIGIN", "EDGE_ALLOWED_ORIGINS"),
        ("EDGE_TSL", "EDGE_TLS"),
        ("EDGE_BALANCER", "EDGE_BALANCERS"),
        ("EDGE_CERTIFICATE_WARN_DAY", "EDGE_CERTIFICATE_WARN_DAYS"),
        ("EDGE_HTTPX_PORT", "EDGE_HTTPS_PORT"),
    ],
)
def test_a_misspelt_name_is_refused_and_the_near_one_said(
    tmp_path: Path, name: str, meant: str
) -> None:
    assert said_by(tmp_path / "edge", {name: "x"}) == [
        f"{name}: is not known; did you mean {meant}?"
    ]


@pytest.mark.parametrize("name", ["EDGE_TLS_PROTOCOLS", "EDGE_FOO", "EDGE_HOST", "EDGE_", "EDGE_X"])
def test_a_name_that_is_nothing_like_ours_is_refused_without_a_wild_guess(
    tmp_path: Path, name: str
) -> None:
    assert said_by(tmp_path / "edge", {name: "x"}) == [f"{name}: is not known"]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("EDGE_LISTEN", "::", "[::]"),
        ("EDGE_LISTEN", "2001:db8::1", "[2001:db8::1]"),
        ("EDGE_UPSTREAM", "::1:8000", "[::1]:8000"),
    ],
)
def test_for_ipv6_without_brackets_the_brackets_are_said(
    tmp_path: Path, name: str, value: str, meant: str
) -> None:
    assert said_by(tmp_path / "edge", {name: value}) == [
        f'{name}: "{value}" is not clear; write IPv6 addresses in brackets: {meant}'
    ]


def test_usage_and_messages_call_the_folder_as_run_and_reload_do(tmp_path: Path) -> None:
    for script in ("render.sh", "run.sh", "reload.sh"):
        done = subprocess.run(  # noqa: S603 - a script of our own
            ["sh", str(EDGE / script)],  # noqa: S607 - where sh is, POSIX leaves open
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(f"usage: sh edge/{script} FOLDER, ")


def test_a_header_to_believe_needs_somebody_to_believe(tmp_path: Path) -> None:
    (line,) = said_by(tmp_path / "edge", {"EDGE_CLIENT_HEADER": "X-Real-IP"})
    assert line == "EDGE_CLIENT_HEADER: does nothing without EDGE_BALANCERS; set both or neither"
    (line,) = said_by(
        tmp_path / "edge", {"EDGE_CLIENT_HEADER": "Forwarded", "EDGE_BALANCERS": "10.0.0.1"}
    )
    assert line.endswith("True-Client-IP or X-Real-IP or proxy_protocol")


def test_attack_the_templates_themselves_are_no_target(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(EDGE)
    before = files_of(EDGE)
    assert run_renderer(link, REQUIRED).returncode == 2
    assert files_of(EDGE) == before


def test_a_target_that_nginx_would_read_as_a_variable_is_refused(tmp_path: Path) -> None:
    done = run_renderer(tmp_path / "$host", REQUIRED)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr.startswith("FOLDER has a $ in its path")


def test_a_refusal_makes_no_folder(tmp_path: Path) -> None:
    assert run_renderer(tmp_path / "new" / "edge", {}).returncode == 1
    assert list(tmp_path.iterdir()) == []
