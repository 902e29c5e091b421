"""Layer 7 under attack: tokens spelt, framed and written in other ways than the service does."""

from __future__ import annotations

import base64
import json
import string
from typing import TYPE_CHECKING, Any

import pytest

from tests.forgery import Forger, base64url, rs256, status_with, unbase64url

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stack import Stack

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

TELLING = "???"
"""Is spelt differently in base64 and base64url, wherever it stands."""

# Base64url


def _loose_bits(part: str) -> str:
    """Return another text for the same bytes: bits behind the last byte are not zero."""
    return part[:-1] + ALPHABET[ALPHABET.index(part[-1]) + 1]


def _unaligned(claims: dict[str, Any]) -> bytes:
    """Return JSON of the claims that fills no whole group of three bytes."""
    text = json.dumps(claims)
    return (text + " " * (len(text) % 3 == 0)).encode("ascii")


def _standard(part: str) -> str:
    return base64.b64encode(unbase64url(part)).decode("ascii")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "padded": lambda part: part + "=" * (-len(part) % 4 or 4),
    "padded by one": lambda part: part + "=",
    "standard base64": _standard,
    "a space at the end": lambda part: part + "%20",
    "an escape": lambda part: f"%{ord(part[0]):02x}{part[1:]}",
    "a plus": lambda part: part[:9] + "+" + part[9:],
    "a junk letter inside": lambda part: part[:9] + "!" + part[9:],
    "a dollar at the end": lambda part: part + "$",
    "a letter more": lambda part: part + "A",
    "a letter less": lambda part: part[:-1],
    "nothing": lambda _: "",
    "upper case": str.upper,
}


@pytest.mark.parametrize("number", [0, 1, 2], ids=["header", "claims", "signature"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_attack_another_spelling_of_a_part(
    stack: Stack, forger: Forger, spelling: str, number: int
) -> None:
    """One token, one text: whoever remembers or revokes tokens by their text counts on it."""
    header = _unaligned(forger.header(note=TELLING))
    parts = forger.token(header, _unaligned(forger.claims(note=TELLING))).split(".")
    parts[number] = SPELLINGS[spelling](parts[number])
    assert status_with(stack, ".".join(parts)) == 401


def test_attack_bits_that_no_byte_holds(stack: Stack, forger: Forger) -> None:
    """The two letters stand for the same bytes, where nobody looks at the bits left over."""
    head, body, signature = forger.token(claims=_unaligned(forger.claims())).split(".")
    loose = _loose_bits(body)
    assert unbase64url(loose) == unbase64url(body)
    signed = rs256(forger.key, f"{head}.{loose}".encode("ascii"))
    assert status_with(stack, f"{head}.{loose}.{base64url(signed)}") == 401
    odd = rs256(forger.key, f"{head}.{body}".encode("ascii")) + b"\0"
    assert status_with(stack, f"{head}.{body}.{_loose_bits(base64url(odd))}") == 401
    assert status_with(stack, f"{head}.{body}.{signature}") == 200


@pytest.mark.parametrize("number", [0, 1], ids=["header", "claims"])
def test_attack_a_part_signed_in_another_spelling(
    stack: Stack, forger: Forger, number: int
) -> None:
    """The signature is right: it covers the text, whatever the text is."""
    for change in ("padded", "standard base64", "a junk letter inside"):
        header = _unaligned(forger.header(note=TELLING))
        made = forger.signing_input(header, _unaligned(forger.claims(note=TELLING)))
        parts = made.decode("ascii").split(".")
        parts[number] = SPELLINGS[change](parts[number])
        signed = rs256(forger.key, ".".join(parts).encode("ascii"))
        assert status_with(stack, ".".join([*parts, base64url(signed)])) == 401


# Parts

FRAMES: dict[str, Callable[[str], str]] = {
    "a dot at the end": lambda token: token + ".",
    "a dot before": lambda token: "." + token,
    "two dots": lambda token: token.replace(".", "..", 1),
    "a fourth part": lambda token: token + ".AAAA",
    "four parts, the last two the same": lambda token: token + "." + token.split(".")[2],
    "five parts": lambda token: token + ".AAAA.AAAA",
    "two parts": lambda token: token.rpartition(".")[0],
    "one part": lambda token: token.partition(".")[0],
    "dots only": lambda _: "..",
    "twice": lambda token: token + token,
    "in quotes": lambda token: f'"{token}"',
    "the parts turned round": lambda token: ".".join(reversed(token.split("."))),
    "a slash for a dot": lambda token: token.replace(".", "/"),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_attack_more_or_fewer_parts(stack: Stack, forger: Forger, frame: str) -> None:
    assert status_with(stack, FRAMES[frame](forger.token())) == 401


# JSON that is not one plain object


def _with_member_twice(text: bytes, first: tuple[str, Any], last: tuple[str, Any]) -> bytes:
    """Return the JSON object with a member twice, the first of all and the last of all."""
    inner = text.strip()[1:-1].decode("ascii")
    before, behind = (f'"{name}": {json.dumps(value)}' for name, value in (first, last))
    return f"{{{before}, {inner}, {behind}}}".encode("ascii")


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "\\u0061lg", "\\u006bid", "note"])
@pytest.mark.parametrize("is_first_right", [True, False], ids=["right first", "right last"])
def test_attack_a_member_of_the_header_twice(
    stack: Stack, forger: Forger, name: str, *, is_first_right: bool
) -> None:
    """Two readers of one token must not see two headers (RFC 7515 §4)."""
    plain = name.encode("ascii").decode("unicode-escape")
    right = forger.header().get(plain, "a")
    rest = json.dumps(forger.header(**{plain: None})).encode("ascii")
    values = (right, "none") if is_first_right else ("none", right)
    header = _with_member_twice(rest, (plain, values[0]), ("@", values[1]))
    header = header.replace(b'"@"', f'"{name}"'.encode("ascii"))
    assert status_with(stack, forger.token(header)) == 401


@pytest.mark.parametrize("name", ["sub", "exp", "aud", "sid", "iss"])
@pytest.mark.parametrize("is_first_right", [True, False], ids=["right first", "right last"])
def test_attack_a_claim_twice(
    stack: Stack, forger: Forger, name: str, *, is_first_right: bool
) -> None:
    """RFC 7519 §4 lets a reader refuse or take the last; refusing leaves no two readings."""
    right = forger.claims()[name]
    wrong = 1 if name == "exp" else "somebody else"
    values = (right, wrong) if is_first_right else (wrong, right)
    rest = json.dumps(forger.claims(**{name: None})).encode("ascii")
    claims = _with_member_twice(rest, (name, values[0]), (name, values[1]))
    assert status_with(stack, forger.token(claims=claims)) == 401


SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "in a list": lambda text: b"[" + text + b"]",
    "a list of pairs": lambda text: json.dumps(list(json.loads(text).items())).encode(),
    "a string of it": lambda text: json.dumps(text.decode()).encode(),
    "null": lambda _: b"null",
    "a number": lambda _: b"1",
    "nothing": lambda _: b"",
    "no JSON": lambda _: b"{",
    "a comma at the end": lambda text: text[:-1] + b",}",
    "a comment": lambda text: text[:-1] + b"/**/}",
    "something behind": lambda text: text + b"{}",
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "UTF-32": lambda text: text.decode().encode("utf-32-be"),
    "broken UTF-8": lambda text: text[:-1] + b',"a":"\xff"}',
    "a NUL behind": lambda text: text + b"\0",
    "single quotes": lambda text: text.replace(b'"', b"'"),
    "a deep hole": lambda text: text[:-1] + b',"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "an open hole": lambda _: b"[" * 2_000,
    "not a number": lambda text: text[:-1] + b',"a":NaN}',
    "another alphabet": lambda text: text.decode().encode("cp037"),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("part", ["header", "claims"])
def test_attack_a_part_that_is_not_one_object(
    stack: Stack, forger: Forger, shape: str, part: str
) -> None:
    """All are signed with the service's key."""
    honest = {"header": forger.header(), "claims": forger.claims()}[part]
    changed = SHAPES[shape](json.dumps(honest).encode("ascii"))
    made = forger.token(changed) if part == "header" else forger.token(claims=changed)
    assert status_with(stack, made) == 401


# Twins


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text,
        lambda text: b" " + json.dumps(json.loads(text), indent=2).encode() + b"\n",
        lambda text: text.replace(b'"sub"', b'"\\u0073ub"'),
        lambda text: text[:-1] + ', "note": "päß 鍵 \U0001f511"}'.encode(),
    ],
    ids=["plain", "with spaces", "with escapes", "with other alphabets"],
)
def test_twin_json_is_json_however_it_is_written(
    stack: Stack, forger: Forger, form: Callable[[bytes], bytes]
) -> None:
    claims = form(json.dumps(forger.claims()).encode("ascii"))
    assert status_with(stack, forger.token(claims=claims)) == 200


def test_twin_whatever_length_the_parts_have(stack: Stack, forger: Forger) -> None:
    """Every remainder of three bytes, so every number of letters that base64url can end with."""
    for note in ("a", "aa", "aaa"):
        claims = forger.claims(note=note)
        assert status_with(stack, forger.token(forger.header(note=note), claims)) == 200
