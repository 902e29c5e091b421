"""Layer 3: which origins there are, and in which one spelling they are allowed."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.layers.cors import CorsSettings, checked_origin
from tests.layers.origins import NEAR


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("https://app.example:8443", "https://app.example:8443"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://APP.example", "https://app.example"),
        ("HTTPS://app.example", "https://app.example"),
        ("https://xn--pp-wia.example", "https://xn--pp-wia.example"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://[2001:DB8:0:0:0:0:0:1]", "https://[2001:db8::1]"),
        ("https://192.0.2.1:8443", "https://192.0.2.1:8443"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(written: str, origin: str) -> None:
    assert checked_origin(written) == origin
    assert checked_origin(origin) == origin


@pytest.mark.parametrize(
    "written",
    [
        "*",
        "null",
        "https://*",
        "https://*.example",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?x",
        "https://app.example#",
        "https://app.example\\x",
        "https://user@app.example",
        "https://user:word@app.example",
        "https://app.example:443@evil.example",
        "app.example",
        "//app.example",
        "https:app.example",
        "https:///app.example",
        "ftp://app.example",
        "wss://app.example",
        "https://",
        "https://app.example.",
        "https://.app.example",
        "https://app..example",
        "https://-app.example",
        "https://app_1.example",
        f"https://{'a' * 64}.example",
        "https://app.example:",
        "https://app.example:0",
        "https://app.example:0443",
        "https://app.example:+443",
        "https://app.example:99999",
        "https://app.example:4\u0664\u0663",
        "https://\u00e4pp.example",
        "https://app\u3002example",
        "https://app.examp\u212ae",
        "https://app.example evil",
        "https://app.example\n",
        "\thttps://app.example",
        "https://app.%65xample",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://192.0.2.01",
        "https://[::1",
        "https://[1::2::3]",
        "https://[fe80::1%25eth0]",
        "file:///etc/passwd",
    ],
    ids=ascii,
)
def test_what_is_no_origin_or_no_browsers_spelling_of_one_is_refused_at_the_start(
    written: str,
) -> None:
    with pytest.raises(ValidationError):
        CorsSettings(allowed_origins=(written,))


@given(text=st.one_of(st.text(max_size=30), NEAR))
def test_whatever_is_accepted_as_an_origin_is_in_its_one_spelling_ever_after(text: str) -> None:
    try:
        origin = checked_origin(text)
    except ValueError:
        return
    assert checked_origin(origin) == origin
    assert origin.isascii()
    assert origin == origin.lower()
    assert set(origin[8:]) <= set(string.ascii_lowercase + string.digits + ".-:[]/")
