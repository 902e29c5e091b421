"""Layer 3: which origins there are, and what the guard makes of a request."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.layers.cors import CorsSettings, Verdict, checked_origin, judge

OWN = "https://api.example"
ALLOWED = frozenset({"https://app.example"})


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("https://app.example:8443", "https://app.example:8443"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://APP.example", "https://app.example"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(written: str, origin: str) -> None:
    assert checked_origin(written) == origin


@pytest.mark.parametrize(
    "written",
    [
        "*",
        "null",
        "https://*.example",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?x",
        "https://user@app.example",
        "app.example",
        "ftp://app.example",
        "https://",
        "https://app.example:99999",
        "https://äpp.example",
        "https://app.example evil",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_origin_is_refused_at_the_start(written: str) -> None:
    with pytest.raises(ValidationError):
        CorsSettings(allowed_origins=(written,))


@pytest.mark.parametrize(
    ("origins", "method", "site", "verdict"),
    [
        ([], "GET", None, Verdict.NOT_CROSS_ORIGIN),
        ([], "POST", None, Verdict.NOT_CROSS_ORIGIN),
        ([], "POST", "same-origin", Verdict.NOT_CROSS_ORIGIN),
        ([], "GET", "cross-site", Verdict.NOT_CROSS_ORIGIN),
        ([], "POST", "cross-site", Verdict.REFUSED),
        ([OWN], "POST", "same-origin", Verdict.NOT_CROSS_ORIGIN),
        (["https://app.example"], "POST", "cross-site", Verdict.ALLOWED),
        (["https://evil.example"], "GET", None, Verdict.REFUSED),
        (["https://app.example.evil"], "GET", None, Verdict.REFUSED),
        (["https://appXexample"], "GET", None, Verdict.REFUSED),
        (["http://app.example"], "GET", None, Verdict.REFUSED),
        (["https://app.example:8443"], "GET", None, Verdict.REFUSED),
        (["https://APP.example"], "GET", None, Verdict.REFUSED),
        (["null"], "GET", None, Verdict.REFUSED),
        ([""], "GET", None, Verdict.REFUSED),
        (["https://app.example", "https://evil.example"], "GET", None, Verdict.REFUSED),
    ],
)
def test_the_guard_decides(
    origins: list[str], method: str, site: str | None, verdict: Verdict
) -> None:
    assert judge(origins, OWN, ALLOWED, method, site) is verdict
