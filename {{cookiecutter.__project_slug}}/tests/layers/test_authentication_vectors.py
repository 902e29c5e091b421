"""Layer 7, what a token looks like: for each rule of RFC 7515, 8725 and 9068 what breaks it.

Each broken token is refused for a reason that is named, so that it is not refused for something
else, and stands beside its twin: the nearest token that keeps the rule and has to be believed.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.layers.authentication import InvalidTokenError
from app.layers.authentication.jose import MAX_HEADER, MAX_KID, REFUSED_MEMBERS
from tests.tokens import (
    KEY,
    USER,
    base64url,
    believed,
    claims,
    compact,
    header,
    other_spelling,
    over,
    signed,
    uneven,
    verifier_with,
    with_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PROPERTY = settings(deadline=None, max_examples=50, database=None, derandomize=True)
SHAPE = "not three parts"
TWICE = {
    "the algorithm": '{"alg":"none","alg":"RS256","kid":"%s","typ":"at+jwt"}',
    "the key": '{"alg":"RS256","kid":"other","kid":"%s","typ":"at+jwt"}',
    "the type": '{"alg":"RS256","kid":"%s","typ":"JWT","typ":"at+jwt"}',
    "a name in another spelling": r'{"alg":"RS256","\u006bid":"other","kid":"%s","typ":"at+jwt"}',
    "a name further in": '{"alg":"RS256","kid":"%s","typ":"at+jwt","x":{"y":1,"y":2}}',
}
ONCE = '{"alg":"RS256","kid":"%s","typ":"at+jwt","x":{"y":1,"z":2}}'


def parts() -> tuple[str, str, str]:
    head, body, sign = signed().split(".")
    return head, body, sign


def text_of(members: dict[str, Any]) -> str:
    return json.dumps(members)


def long_header(length: int) -> str:
    """Return a token whose header is so many characters of base64url long."""
    empty = len(text_of(header(x="")))
    return with_header(x="x" * (length * 3 // 4 - empty))


Vector = tuple["Callable[[], str]", str, "Callable[[], str]"]
"""What breaks the rule, why it is refused, and the twin that keeps it."""

SHAPES: dict[str, Vector] = {
    "no signature part": (lambda: ".".join(parts()[:2]), SHAPE, signed),
    "an empty signature": (lambda: f"{parts()[0]}.{parts()[1]}.", SHAPE, signed),
    "an empty payload": (lambda: f"{parts()[0]}..{parts()[2]}", SHAPE, signed),
    "an empty header": (lambda: f".{parts()[1]}.{parts()[2]}", SHAPE, signed),
    "a fourth part": (lambda: f"{signed()}.AAAA", SHAPE, signed),
    "five parts, as encrypted ones have": (lambda: f"{signed()}.AA.AA", SHAPE, signed),
    "a dot at the end": (lambda: f"{signed()}.", SHAPE, signed),
    "a line end behind it": (lambda: f"{signed()}\n", SHAPE, signed),
    "a space before it": (lambda: f" {signed()}", SHAPE, signed),
    "a space within": (lambda: ". ".join(parts()), SHAPE, signed),
    "padding": (
        lambda: over(uneven(header()) + "==", base64url(text_of(claims()).encode())),
        SHAPE,
        lambda: over(uneven(header()), base64url(text_of(claims()).encode())),
    ),
    "the other base64 alphabet": (
        lambda: over(base64url(b'{"\xc3\xbe":1}').replace("_", "/") + "/", parts()[1]),
        SHAPE,
        lambda: compact(header() | {"\xfe": 1}),
    ),
    "JSON instead of three parts": (
        lambda: text_of(dict(zip(("protected", "payload", "signature"), parts(), strict=True))),
        SHAPE,
        signed,
    ),
    "letters that are none of ASCII": (lambda: signed().replace(".", ".\u212a"), SHAPE, signed),
    "a header in another spelling": (
        lambda: over(other_spelling(uneven(header())), parts()[1]),
        "another spelling",
        lambda: over(uneven(header()), parts()[1]),
    ),
    "a payload in another spelling": (
        lambda: over(parts()[0], other_spelling(uneven(claims()))),
        "DecodeError",
        lambda: over(parts()[0], uneven(claims())),
    ),
    "a header of one character too many for base64": (
        lambda: over(base64url(text_of(header()).encode()) + "A" * 2, parts()[1]),
        "not JSON",
        signed,
    ),
}

HEADERS: dict[str, Vector] = {
    "a header in UTF-16": (
        lambda: compact(text_of(header()).encode("utf-16")),
        "not JSON",
        lambda: compact(text_of(header(x="\u20ac")).encode("utf-8")),
    ),
    "a header in UTF-32": (
        lambda: compact(text_of(header()).encode("utf-32-be")),
        "not JSON",
        lambda: compact(text_of(header()).encode("utf-8")),
    ),
    "a mark before the header's text": (
        lambda: compact("\ufeff" + text_of(header())),
        "not JSON",
        lambda: compact(text_of(header())),
    ),
    "something behind the header's object": (
        lambda: compact(text_of(header()) + "{}"),
        "not JSON",
        lambda: compact(f" {text_of(header())} "),
    ),
    "a list as the header": (lambda: compact([header()]), "not a JSON object", signed),
    "a text as the header": (lambda: compact('"RS256"'), "not a JSON object", signed),
    "NaN in the header": (
        lambda: compact(text_of(header(x=1)).replace("1}", "NaN}")),
        "NaN is no JSON",
        lambda: with_header(x=1),
    ),
    "a header nested without end": (
        lambda: compact(text_of(header(x="?")).replace('"?"', "[" * 1_400)),
        "not JSON",
        lambda: with_header(x=[[["y"]]]),
    ),
    "a header too long": (
        lambda: long_header(MAX_HEADER + 4),
        "a header that is too long",
        lambda: long_header(MAX_HEADER),
    ),
    "no algorithm": (lambda: with_header(alg=None), "another algorithm", signed),
    "an algorithm in small letters": (lambda: with_header(alg="rs256"), "another alg", signed),
    "a list of algorithms": (lambda: with_header(alg=["RS256"]), "another algorithm", signed),
    "a space behind the algorithm": (lambda: with_header(alg="RS256 "), "another alg", signed),
    "an object as the algorithm": (lambda: with_header(alg={"RS256": 1}), "another alg", signed),
    "no type": (lambda: with_header(typ=None), "another type", signed),
    "any token's type": (
        lambda: with_header(typ="JWT"),
        "another type",
        lambda: with_header(typ="AT+JWT"),
    ),
    "an ID token's type": (lambda: with_header(typ="id+jwt"), "another type", signed),
    "a logout token's type": (lambda: with_header(typ="logout+jwt"), "another type", signed),
    "a proof's type": (lambda: with_header(typ="dpop+jwt"), "another type", signed),
    "a type that only begins as ours": (
        lambda: with_header(typ="at+jwt;x"),
        "another type",
        lambda: with_header(typ="application/at+jwt"),
    ),
    "a type of letters that fold to ours": (
        lambda: with_header(typ="at+jw\uff54"),
        "another type",
        signed,
    ),
    "a list as the type": (lambda: with_header(typ=["at+jwt"]), "another type", signed),
    "no name of a key": (lambda: with_header(kid=None), "no name of a key", signed),
    "an empty name of a key": (lambda: with_header(kid=""), "no name of a key", signed),
    "a number as the name of a key": (lambda: with_header(kid=0), "no name of a key", signed),
    "a list as the name of a key": (lambda: with_header(kid=[KEY.kid]), "no name of", signed),
    "a name of a key too long": (
        lambda: with_header(kid="x" * (MAX_KID + 1)),
        "no name of a key",
        signed,
    ),
    "the longest name of a key that there may be": (
        lambda: with_header(kid="x" * MAX_KID),
        "no such key",
        signed,
    ),
    "a key that we have not": (lambda: with_header(kid="other"), "no such key", signed),
    "a path as the key": (lambda: with_header(kid="../../dev/null"), "no such key", signed),
    "our key in other letters": (lambda: with_header(kid=KEY.kid.swapcase()), "no such", signed),
    "what must be understood": (
        lambda: with_header(crit=["x"], x=1),
        "a header member",
        lambda: with_header(x=1),
    ),
    "nothing that must be understood": (lambda: with_header(crit=[]), "a header member", signed),
    "an unencoded payload": (
        lambda: with_header(b64=False, crit=["b64"]),
        "a header member",
        lambda: with_header(x5t="AAAA", **{"x5t#S256": "AAAA"}),
    ),
    **{
        f"{member} in the header": (
            partial(with_header, **{member: KEY.jwk}),
            "a header member that is not for us",
            partial(with_header, **{member.upper(): KEY.jwk}),
        )
        for member in sorted(REFUSED_MEMBERS)
    },
    **{
        f"{what} twice": (
            partial(compact, text % KEY.kid),
            "a name is there twice",
            lambda: compact(ONCE % KEY.kid),
        )
        for what, text in TWICE.items()
    },
}


@pytest.mark.parametrize("vector", (SHAPES | HEADERS).values(), ids=list(SHAPES | HEADERS))
def test_a_token_that_breaks_a_rule_is_refused_and_its_twin_believed(vector: Vector) -> None:
    broken, reason, twin = vector
    with pytest.raises(InvalidTokenError, match=reason):
        believed(broken())
    assert believed(twin()).user_id == USER


@pytest.mark.parametrize("size", [512, 4_096])
def test_a_token_longer_than_the_setting_is_not_looked_at(size: int) -> None:
    verifier = verifier_with(max_token_bytes=4_096)
    token = signed(x="x" * 2_000)
    assert believed(token, verifier).user_id == USER
    with pytest.raises(InvalidTokenError, match="too long"):
        believed(token, verifier_with(max_token_bytes=512))
    with pytest.raises(InvalidTokenError, match="too long"):
        believed("\0" * (size + 1), verifier_with(max_token_bytes=size))
    with pytest.raises(InvalidTokenError, match="not three parts"):
        believed("\0" * size, verifier_with(max_token_bytes=size))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_an_unsigned_token_is_refused(algorithm: str) -> None:
    head = base64url(text_of(header(alg=algorithm)).encode())
    for sign in ("", "AA", parts()[2]):
        with pytest.raises(InvalidTokenError):
            believed(f"{head}.{parts()[1]}.{sign}")


@PROPERTY
@given(st.text('eyJ09-_.=+/ {}"\0\n\xe9\u20ac'))
@example("\ud800")
@example("e30.e30.e30")
@example("." * 4_096)
def test_rubbish_is_refused_and_nothing_else_happens(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        believed(token)


TEXTS = st.text("RS256HSPEnone at+jw", max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@PROPERTY
@given(st.sampled_from(["alg", "typ", "kid"]), JSON)
def test_a_header_with_anything_else_in_it_is_refused(member: str, value: object) -> None:
    """The few values that are right are texts that nobody guesses."""
    with pytest.raises(InvalidTokenError):
        believed(compact(header() | {member: value}))


@PROPERTY
@given(st.binary(max_size=200))
def test_a_header_of_any_bytes_is_refused(head: bytes) -> None:
    with pytest.raises(InvalidTokenError):
        believed(over(base64url(head), parts()[1]))
