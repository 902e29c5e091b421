"""The name a file came with: kept to be shown, never to find anything by."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

MAX_NAME = 255
"""Bytes in UTF-8: what file systems take, and what leaves a download's headers within bounds."""
MAX_EXTENSION = 10
"""A longer one is not kept when the name is cut."""
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Control, format (the bidirectional overrides among them), surrogate, private, unassigned,
line and paragraph separators: what makes one name look like another, or breaks a line."""


def _drop(text: str) -> str:
    return "".join(
        character for character in text if unicodedata.category(character) not in _DROPPED
    )


def clean_name(given: str) -> str:
    """Return a name that is safe to show and to save under; empty if nothing is left.

    Args:
        given: the file name of the upload, in any form a client can send.
    """
    name = given
    # NFKC comes before the path is cut, since it makes slashes (U+FF0F, U+2100); dropping may
    # bring characters together that compose anew. It settles in two rounds; four are for certain.
    for _ in range(4):
        name = _drop(unicodedata.normalize("NFKC", name))
        name = name.replace("\\", "/").rpartition("/")[2]
    name = " ".join(name.split()).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) < MAX_EXTENSION:
        return _cut(stem, MAX_NAME - len(f".{extension}".encode())) + dot + extension
    return _cut(name, MAX_NAME)


def _cut(text: str, size: int) -> str:
    """Return as much of the text as takes up no more than this many bytes in UTF-8."""
    return text.encode("utf-8")[:size].decode("utf-8", "ignore").rstrip(" .")


def extension_of(name: str) -> str:
    """Return what stands behind the last dot of a clean name, in lower case; empty if none."""
    stem, dot, extension = name.rpartition(".")
    return extension.casefold() if dot and stem else ""


def content_disposition(name: str) -> str:
    """Return the header value that makes a browser save and never show (RFC 6266, RFC 8187).

    The plain form is for clients that don't read the extended one: ASCII letters, digits and a few
    marks only, so that no name can end the quoted string.
    """
    plain = "".join(
        character if character.isascii() and (character.isalnum() or character in "-_. ") else "_"
        for character in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
