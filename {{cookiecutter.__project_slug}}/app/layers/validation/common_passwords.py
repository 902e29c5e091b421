"""Whether a password is one that everybody tries first. Pure.

`common_passwords.txt` holds what `dev/common_passwords.py` makes by rules: words, names, walks over
the keyboard, each with the numbers that people put behind them to please a policy. An attacker
applies the same rules, so a password is looked up without what they vary: case, accents,
look-alikes (`P@ssw0rd`) and the signs around and between (`Password-2024!`).

It stops guesses by rule. It knows of no breach: whoever wants that lets the list of one stand in
the file, a password a line (ASVS 5.0 V6.2.4, V6.2.12; NIST SP 800-63B §3.1.1.2).
"""

from __future__ import annotations

import string
import unicodedata
from pathlib import Path

LIST = Path(__file__).with_name("common_passwords.txt")
_LOOK_ALIKES = str.maketrans("@40831!|l9652$7+", "aaobeiiiiggszstt")
"""Signs that are read as one letter become that letter; `1` and `l` both become `i`."""


def _plain(text: str) -> str:
    """Return the text without case, accents and other ways to write the same letters."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _letters(plain: str) -> str:
    read = plain.translate(_LOOK_ALIKES)
    return read if read.isalnum() else "".join(filter(str.isalnum, read))


def spellings(password: str) -> frozenset[str]:
    """Return the forms under which a password is looked up; `O0` and `o0` have the same.

    A `!` may stand for an `i` or for itself, so there is a form with each: read as letters all
    through; without the signs at the ends; without any sign.
    """
    plain = _plain(password)
    return frozenset(
        map(
            _letters,
            (plain, plain.strip(string.punctuation), "".join(filter(str.isalnum, plain))),
        )
    )


def _read(text: str) -> frozenset[str]:
    """Return what is looked up in, of a list's text: each without the signs at its ends."""
    return frozenset(
        _letters(line.strip(string.punctuation)) for line in _plain(text).splitlines() if line
    )


_COMMON = _read(LIST.read_text("utf-8"))
"""Read when the service starts: later it would be read while a request waits, and all others."""


def is_common(password: str) -> bool:
    """Whether everybody tries this password, or one that is written almost alike, first."""
    return not _COMMON.isdisjoint(spellings(password))
