"""Which names say that their value is a secret. Pure.

A name is read as its writer meant it, not as it is spelt: `accessToken`, `access_token`,
`ACCESS-TOKEN`, `access token` and full-width letters are one name, and so is one with a control
character, a zero-width space or an accent in the middle.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_KEY = 128
"""Characters. A longer name is taken for sensitive: nobody means well with it."""

FRAGMENTS = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "cookie",
    "credential",
    "signature",
    "sessionid",
    "sessionkey",
    "cardnumber",
    "creditcard",
    "email",
    "inputvalue",  # pydantic's errors echo what the client sent under this name
)
"""Sensitive wherever they stand in a name that is written without separators."""

WORDS = frozenset(
    {"auth", "csc", "cvc", "cvv", "iban", "jwt", "otp", "pin", "pw", "pwd", "sid", "ssn", "totp"}
)
"""Too short to look for inside other words ("shipping", "author"): sensitive as whole words."""

HARMLESS = frozenset(
    {
        "emailverified",
        "maxtokens",
        "passwordchangedat",
        "passwordlength",
        "signaturealgorithm",
        "tokencount",
        "tokentype",
    }
)
"""Names that hold a fragment and no secret."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def is_sensitive_key(key: str) -> bool:
    """Return whether a value under this name must not be written."""
    return len(key) > MAX_KEY or _decide(key)


@lru_cache(maxsize=4096)
def _decide(key: str) -> bool:
    wide = unicodedata.normalize("NFKC", key)
    bare = "".join(filter(_is_bare, unicodedata.normalize("NFKD", key)))
    joined = "".join(filter(str.isalnum, bare)).casefold()
    if joined in HARMLESS:
        return False
    if any(fragment in joined for fragment in FRAGMENTS):
        return True
    # Both ways: such a character may split a word ("c\x00vv") or stand between two ("otp\tcode").
    return any(word.lower() in WORDS for text in (bare, wide) for word in _WORD.findall(text))


def _is_bare(character: str) -> bool:
    """Return whether it is neither a mark on another nor anything that is not seen."""
    category = unicodedata.category(character)
    return category[0] not in "CM" and category not in {"Zl", "Zp"}
