"""Layer 9: the names that files come with."""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.layers.uploads import clean_name, content_disposition
from app.layers.uploads.names import MAX_NAME, extension_of


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("picture.png", "picture.png"),
        ("My holiday (2).JPG", "My holiday (2).JPG"),
        ("Übung – 日本.png", "Übung – 日本.png"),
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\me\\x.png", "x.png"),
        ("..\\..\\x.png", "x.png"),
        ("a/../b.png", "b.png"),
        ("\uff0e\uff0e\uff0fetc\uff0fx.png", "x.png"),
        ("\u2100.png", "c.png"),
        ("shell.php\x00.png", "shell.php.png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("zero\u200bwidth\ufeff.png", "zerowidth.png"),
        ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie: x=1.png"),
        ("line\u2028break.png", "linebreak.png"),
        ("  . name .png. ", "name.png"),
        (".htaccess", "htaccess"),
        ("...", ""),
        ("", ""),
        ("\ud800.png", "png"),
    ],
)
def test_a_name_keeps_what_can_be_shown(given_name: str, expected: str) -> None:
    assert clean_name(given_name) == expected


def test_a_long_name_keeps_its_extension() -> None:
    name = clean_name("x" * 400 + ".png")
    assert len(name) == MAX_NAME
    assert name.endswith("x.png")


@given(st.text(max_size=400))
@example("a." + "b" * 300)
@example("\u0041\u200d\u030a.png")
@example("x" * 250 + " . .png")
def test_every_name_becomes_one_that_is_safe_and_stays(given_name: str) -> None:
    name = clean_name(given_name)
    assert clean_name(name) == name
    assert len(name) <= MAX_NAME
    assert not set(name) & set("/\\")
    assert name not in {".", ".."}
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cf", "Cs", "Zl"}


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.png", "png"), ("a.tar.PNG", "png"), ("png", ""), (".png", ""), ("a.", ""), ("", "")],
)
def test_the_extension_is_what_stands_behind_the_last_dot(name: str, extension: str) -> None:
    assert extension_of(name) == extension


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.png", "attachment; filename=\"a b.png\"; filename*=UTF-8''a%20b.png"),
        (
            'a";x="b.png',
            "attachment; filename=\"a__x__b.png\"; filename*=UTF-8''a%22%3Bx%3D%22b.png",
        ),
        ("ä.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%C3%A4.png"),
        ("a%0d%0a.png", "attachment; filename=\"a_0d_0a.png\"; filename*=UTF-8''a%250d%250a.png"),
    ],
)
def test_a_download_is_an_attachment_under_its_name(name: str, header: str) -> None:
    assert content_disposition(name) == header


@given(st.text(max_size=300).map(clean_name))
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert unquote(header.partition("UTF-8''")[2]) == name
