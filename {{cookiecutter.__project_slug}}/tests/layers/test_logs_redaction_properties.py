"""Layer 10, redaction for any input: no secret survives, nothing raises, twice is as once."""

from __future__ import annotations

import base64
import json
import string
from collections import OrderedDict
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.layers.logs import redact
from app.layers.logs.redaction_keys import MAX_KEY
from app.layers.logs.redaction_text import CUT, MARK, MAX_TEXT, redact_text

ALPHANUMERIC = string.ascii_letters + string.digits
BASE64URL = ALPHANUMERIC + "-_"

# A busy machine is no finding.
calm = settings(deadline=None)


def written(value: object) -> str:
    """Return all that a line would hold of a value."""
    return json.dumps(redact(value), ensure_ascii=False)


def check_digit(digits: str) -> str:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if position % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


@st.composite
def cards(draw: st.DrawFn) -> str:
    start = draw(st.sampled_from(["4", "51", "2221", "34", "6011", "62"]))
    length = {"34": 15}.get(start, 16)
    missing = length - len(start) - 1
    digits = start + draw(st.text(string.digits, min_size=missing, max_size=missing))
    digits += check_digit(digits)
    separator = draw(st.sampled_from(["", " ", "-"]))
    return separator.join(digits[place : place + 4] for place in range(0, length, 4))


def text_of(alphabet: str, shortest: int, longest: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=shortest, max_size=longest)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


random_secret = text_of(ALPHANUMERIC, 24, 60)
tokens = st.builds(
    lambda subject, signature: (
        f"{encoded({'alg': 'RS256', 'typ': 'at+jwt'})}.{encoded({'sub': subject})}.{signature}"
    ),
    text_of(ALPHANUMERIC, 1, 20),
    text_of(BASE64URL, 0, 80),
)
mixed_secret = text_of(ALPHANUMERIC + "/+", 36, 36).map(lambda text: f"aB3{text}z")

# What is written around a secret, and the secret itself, which must not be found again.
secrets = st.one_of(
    tokens.map(lambda token: (token, token)),
    random_secret.map(lambda token: (f"Bearer {token}", token)),
    st.tuples(text_of(ALPHANUMERIC, 1, 12), random_secret)
    .map(lambda pair: base64.b64encode(f"{pair[0]}:{pair[1]}".encode()).decode())
    .map(lambda token: (f"Basic {token}", token)),
    text_of(string.ascii_uppercase + string.digits, 16, 16)
    .map(lambda text: f"AKIA{text}")
    .map(lambda key: (key, key)),
    mixed_secret.map(lambda key: (key, key)),
    text_of("0123456789abcdef", 64, 64).map(lambda text: (f"X-Amz-Signature={text}", text)),
    random_secret.map(
        lambda body: (
            f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----",
            body,
        )
    ),
    random_secret.map(lambda password: (f"postgresql://app:{password}@db:5432/app", password)),
    cards().map(lambda number: (number, number)),
    text_of(ALPHANUMERIC, 8, 30).map(lambda name: (f"{name}@mail.example.com", name)),
    random_secret.map(lambda text: (f"$argon2id$v=19$m=19456,t=2,p=1${text}", text)),
    random_secret.map(lambda text: (f'{{"refresh_token": "{text}"}}', text)),
    random_secret.map(lambda text: (f"password={text}", text)),
    random_secret.map(lambda text: (f"Cookie: theme=dark; session={text}", text)),
    random_secret.map(lambda text: (f"[(b'authorization', b'{text}')]", text)),
    random_secret.map(lambda text: (f"[type=string_too_short, input_value='{text}']", text)),
)
edges = st.sampled_from(["", " ", "\n", '"', "'", "(", ",", "; ", "é", "→", "\t", "\u200b"])
# Words, so that no accident makes the text around a secret a part of it.
surroundings = st.lists(st.sampled_from(["user", "found", "été", "->", "42", ".", "x", "id"])).map(
    " ".join
)


@st.composite
def texts_with_secret(draw: st.DrawFn) -> tuple[str, str]:
    shown, secret = draw(secrets)
    before, after = draw(surroundings), draw(surroundings)
    gap = draw(st.sampled_from([" ", "\n", '"', "(", "\t"]))
    return f"{before}{gap}{shown}{draw(st.sampled_from([' ', chr(10), ')', ', ']))}{after}", secret


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # surrogates, too
    | st.binary()
    | st.uuids()
    | st.decimals()
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters()) | st.integers() | st.binary(), inner, max_size=6)
    ),
    max_leaves=20,
)


@calm
@given(texts_with_secret())
def test_a_secret_in_a_text_does_not_survive(case: tuple[str, str]) -> None:
    text, secret = case
    assert secret not in redact_text(text)


@calm
@given(texts_with_secret(), st.integers(0, 3), anything)
def test_a_secret_at_any_place_of_a_value_does_not_survive(
    case: tuple[str, str], place: int, neighbour: Any
) -> None:
    text, secret = case
    assume(secret not in repr(neighbour))
    value: Any = [
        {"note": [text, neighbour]},
        {text: neighbour},
        {"deep": {"er": (text.encode(), {"still": ValueError(text)})}},
        [neighbour, OrderedDict(note={text})],
    ][place]
    assert secret not in written(value)


@calm
@given(texts_with_secret(), st.integers(MAX_TEXT - 200, MAX_TEXT + 50) | st.integers(7000, 9000))
def test_a_secret_across_the_place_where_a_text_is_cut_does_not_survive(
    case: tuple[str, str], padding: int
) -> None:
    text, secret = case
    shown = redact_text("x " * (padding // 2) + text)
    assert len(shown) <= MAX_TEXT
    # Not the start of one, either. Digits and names of a few letters are nobody's secret.
    assert secret[:12] not in shown


@calm
@given(text_of(ALPHANUMERIC, 12, 40), st.integers(0, 5))
def test_whatever_stands_under_a_sensitive_name_does_not_survive(text: str, shape: int) -> None:
    value: Any = [
        {"password": text},
        {"a": [{"accessToken": {"inner": text}}]},
        {"headers": [(b"Authorization", text.encode())]},
        {"fields": [{"name": "api_key", "value": text}]},
        {"ＰＡＳＳＷＯＲＤ": text},
        {"x" * (MAX_KEY + 1): text},
    ][shape]
    assert text not in written(value)


@calm
@given(anything)
def test_no_value_makes_it_raise_and_all_that_comes_out_is_json(value: Any) -> None:
    written = json.dumps(redact(value), allow_nan=False).encode("utf-8")
    assert json.dumps(json.loads(written)).encode("utf-8") == written


@calm
@given(anything)
def test_redacting_twice_changes_nothing_more(value: Any) -> None:
    once = redact(value)
    assert redact(once) == once


WORDS = """
password= token : = [reda bearer Basic YTpi 4111111111111111 1 - @ a@b.co http:// u:p@h Cookie:
" ' \\ , ; & ] } $argon2id$x ('cookie',b'x') AKIAIOSFODNN7EXAMPLE é 0123456789abcdef
0b1f5a30-8a17-4b7e-9c1a-55d4b1f0c9aa eyJhbGciOiJub25lIn0.eyJhIjoxfQ.
"""
PHRASES = (
    *(" ", "\n", "\u200b", "\ud800", "xy" * 40, MARK, CUT),
    *("4111 1111 1111 1111", "-----BEGIN PRIVATE KEY-----", "[parameters: "),
)
pieces = st.sampled_from((*WORDS.split(), *PHRASES))


@given(
    st.lists(pieces, max_size=14).map("".join),
    st.sampled_from([40, 64, 100, MAX_TEXT]),
)
def test_a_text_is_within_its_limit_and_stays_as_it_is_the_second_time(
    text: str, limit: int
) -> None:
    once = redact_text(text, limit)
    assert len(once) <= limit
    assert redact_text(once, limit) == once
