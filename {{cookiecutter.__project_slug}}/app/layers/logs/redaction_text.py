"""Secrets inside text, known by their shape. Pure, and bounded for any input.

The passes run in this order because each may hide what the next would find only in part: blocks
and addresses, then `name=value`, then single tokens, then numbers. The patterns are linear (their
unbounded repeats are possessive or end at what they exclude), and most passes run only when a
cheap look says that they may find something.
"""

from __future__ import annotations

import binascii
import re
import unicodedata

from app.layers.logs.card_numbers import redact_card_numbers
from app.layers.logs.redaction_keys import is_sensitive_key

MARK = "[redacted]"
CUT = " …[cut]"
MAX_TEXT = 2048
"""Characters of one string in a line, unless the caller wants fewer."""

MAX_READ = 8192
"""Characters of a text that are looked at; the rest is dropped."""
_OVERLAP = 512
"""A secret across that end may be too short to be known by its shape: so much before it is dropped
too, which is more than such a secret is long."""

_MAX_PASSES = 4
"""One secret may hide where another begins: until nothing changes, which takes two as a rule."""

_MEMO_TEXT = 160
_MEMO_SIZE = 2048
_clean: set[str] = set()
"""Short texts that were found clean: paths, routes, user agents and names come again and again.
Only clean ones, so that no secret stays in memory for it."""

_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
# SQLAlchemy ends its errors with the values of the statement.
_SQL_PARAMETERS = re.compile(r"\[parameters: .*?(?=\n\(Background| …\[cut\]|\Z)", re.DOTALL)
_USER_INFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/\"'<>]{1,512}@")
_PASSWORD_HASH = re.compile(
    r"\$(?:argon2(?:id|i|d)|scrypt|pbkdf2[\w-]{0,20}|2[abxy])\$[^\s'\")\]]+"
)
_NAME = re.compile(
    r"\(b?[\"'](?P<first>[\w.-]++)[\"'],\s{0,3}b?"  # a pair, as ASGI's headers are printed
    r"|(?<![\w.-])(?P<name>[\w.-]++)\\{0,3}[\"']?\s{0,3}(?:=>|:=|[=:])\s{0,3}b?"
)
_VALUE = re.compile(
    r"(?:\[redacted\])+[^\s&,;\"'})\]]*"
    r"|\\{1,3}([\"']).*?(?:\\{1,3}\1|\Z)"
    r"|\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)"
    r"|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)"
    r"|[^\s&\"'][^\s&,;\"'})\]]*",
    re.DOTALL,
)
# Headers, and the structures that pydantic prints: spaces and commas belong to the value.
_WHOLE_LINE = ("authorization", "cookie", "input_value")
_LINE = re.compile(r"[^\"'\s](?:(?! …\[cut\])[^\r\n])*")
_BEARER = re.compile(r"(bearer[\s:=]{1,3}[\"']?)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
_BASIC = re.compile(r"(basic[\s:=]{1,3}[\"']?)([A-Za-z0-9+/_-]{4,}={0,2})", re.IGNORECASE)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}")
_AWS_KEY_ID = re.compile(r"A[KS]IA[A-Z0-9]{16}")
_AWS_SECRET = re.compile(r"(?<![\w/+=-])[A-Za-z0-9+][A-Za-z0-9/+]{39}(?![\w/+=-])")
_EMAIL_CHARACTER = r"[^\s@<>\"'(),:;\[\]\\/=]"
_EMAIL = re.compile(
    rf"(?<!{_EMAIL_CHARACTER}){_EMAIL_CHARACTER}++@"
    r"(?:[^\s@<>\"'(),:;\[\]\\/=.]{1,63}\.){1,8}[^\W\d_]{2,63}"
)
_TAIL_OF_TOKEN = re.compile(r"[\w/+=.~-]+\Z")
_TAIL = 128
_LONG_TOKEN = 20


def redact_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return the text without secrets and without what can't be printed, `limit` long at most.

    Line breaks and tabs stay: JSON escapes them. Doing it twice changes nothing more.
    """
    if len(text) <= _MEMO_TEXT and text in _clean and len(text) <= limit:
        return text
    for _ in range(_MAX_PASSES):
        given, text = text, _redact_once(text, limit)
        if text == given:
            break
    if text == given and len(text) <= _MEMO_TEXT:
        if len(_clean) >= _MEMO_SIZE:
            _clean.clear()
        _clean.add(text)
    return text


def _redact_once(text: str, limit: int) -> str:
    is_long = len(text) > MAX_READ
    text = text[:MAX_READ]
    if not text.isprintable():
        text = "".join(map(_visible, text))
    text = _redact_tokens(_redact_blocks(text))
    if is_long:
        text = text[:-_OVERLAP]
    return _cut(text, limit) if is_long or len(text) > limit else text


def _visible(character: str) -> str:
    """Drop what forges or reorders a line: C0 and C1 controls, U+2028, bidi and zero-width marks.

    It goes before secrets are looked for, so none can hide behind a zero-width space.
    """
    if character.isprintable() or character in "\n\t":
        return character
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category == "Cs":
        return f"\\u{ord(character):04x}"
    return "" if category in {"Cc", "Cf", "Zl", "Zp"} else character


def _redact_blocks(text: str) -> str:
    if "-----BEGIN" in text:
        text = _PEM.sub(MARK, text)
    if "[parameters: " in text:
        text = _SQL_PARAMETERS.sub(f"[parameters: {MARK}]", text)
    if "://" in text and "@" in text:
        text = _USER_INFO.sub(rf"\1{MARK}@", text)
    if "$" in text:
        text = _PASSWORD_HASH.sub(MARK, text)
    return text


def _redact_tokens(text: str) -> str:
    if "=" in text or ":" in text or "(" in text:
        text = _redact_assignments(text)
    if (lowered := text.lower()) != text:
        text = _JWT.sub(MARK, text)
        text = _AWS_KEY_ID.sub(MARK, text)
        text = _AWS_SECRET.sub(_redact_mixed, text)
    if "bearer" in lowered:
        text = _BEARER.sub(_redact_bearer, text)
    if "basic" in lowered:
        text = _BASIC.sub(_redact_basic, text)
    if "@" in text:
        text = _EMAIL.sub(MARK, text)
    return redact_card_numbers(text, MARK)


def _redact_assignments(text: str) -> str:
    """Replace the values of sensitive names: `password=…`, `"token": "…"`, `Cookie: …`."""
    pieces, written = [], 0
    for match in _NAME.finditer(text):
        name = match["first"] or match["name"]
        if match.start() < written or not is_sensitive_key(name):
            continue
        value = None
        if match["first"] is None and name.lower().endswith(_WHOLE_LINE):
            value = _LINE.match(text, match.end())
        value = value or _VALUE.match(text, match.end())
        if value is not None:
            pieces += [text[written : match.end()], MARK]
            written = value.end()
    return "".join((*pieces, text[written:])) if pieces else text


def _redact_mixed(match: re.Match[str]) -> str:
    """Replace what is as long as a secret key of AWS, unless it can be a digest or a word."""
    token = match[0]
    is_mixed = token != token.lower() and token != token.upper() and not token.isalpha()
    return MARK if is_mixed else token


def _redact_bearer(match: re.Match[str]) -> str:
    token = match[2]
    is_word = len(token) < _LONG_TOKEN and not any(character.isdigit() for character in token)
    return match[0] if is_word else match[1] + MARK


def _redact_basic(match: re.Match[str]) -> str:
    """Replace `user:password` in base64 (RFC 7617), and leave "basic authentication"."""
    token = match[2].rstrip("=")
    try:
        decoded = binascii.a2b_base64(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return match[0]
    user, colon, _ = decoded.partition(b":")
    is_user = colon and all(0x20 <= byte < 0x7F for byte in user)  # noqa: PLR2004 -- printable
    return match[1] + MARK if is_user else match[0]


def _cut(text: str, limit: int) -> str:
    """Shorten, back to before the last token and its signs: no half looks like a whole."""
    head = text[: limit - len(CUT)]
    mark = head.rfind(MARK[0])
    if mark >= 0 and head[mark:] != MARK and MARK.startswith(head[mark:]):
        head = head[:mark]
    token = _TAIL_OF_TOKEN.search(head, len(head) - min(_TAIL, len(head) // 2))
    end = token.start() if token is not None else len(head)
    while end and _may_belong_to_more(head[end - 1]) and not head.endswith(MARK, 0, end):
        end -= 1
    return head[:end] + CUT


def _may_belong_to_more(character: str) -> bool:
    """Return whether it can be the middle of a number or stand between a name and its value."""
    return character.isdecimal() or (character.isascii() and not character.isalpha())
