"""The header of a token, read before anything is verified: strictly, so that nobody reads it twice.

Two readers who disagree about one text are how tokens are forged: duplicate names, padding, another
encoding, a second serialization. What RFC 7515 and 7519 let a reader refuse is refused here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

MAX_KID = 256
MAX_HEADER = 2048
"""Base64url characters. Nothing that the header may hold is longer."""
TYPES = frozenset({"at+jwt", "application/at+jwt"})
"""RFC 9068 §4: an ID token signed by the same key must not open this door."""
REFUSED_MEMBERS = frozenset({"b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5u", "zip"})
"""Keys that the token brings along or wants fetched (RFC 8725 §3.10), encryption and compression,
nested tokens, and extensions that must be understood (RFC 7515 §4.1.11): we understand none."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class InvalidTokenError(Exception):
    """The token is not to be believed. The message is for the log, not for the client."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise InvalidTokenError("a name is there twice")
    return members


def _no_constant(name: str) -> None:
    raise InvalidTokenError(f"{name} is no JSON")


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the one JSON object that the bytes are: UTF-8, no name twice, no NaN (RFC 8259).

    Raises:
        InvalidTokenError: they are not.
    """
    try:
        # As text: given bytes, json.loads would take UTF-16 and UTF-32 too.
        found = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise InvalidTokenError("not JSON") from error
    if not isinstance(found, dict):
        raise InvalidTokenError("not a JSON object")
    return found


def _decoded(segment: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (ValueError, binascii.Error) as error:
        raise InvalidTokenError("not base64url") from error
    # Four spellings of the last character would decode to the same bytes (RFC 4648 §3.5).
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != segment:
        raise InvalidTokenError("base64url in another spelling")
    return raw


def open_header(token: str, algorithm: str, max_length: int) -> dict[str, Any]:
    """Return the members of a token's header, whatever it is a token for.

    Args:
        token: in the compact serialization (RFC 7515 §7.1), the only one there is for tokens.
        algorithm: the one that is configured. The token has to name it and has no other say.
        max_length: characters; a longer token is not looked at.

    Raises:
        InvalidTokenError: it is no such token, names another algorithm, or wants more of us.
    """
    if len(token) > max_length:
        raise InvalidTokenError("too long")
    if _COMPACT.fullmatch(token) is None:
        raise InvalidTokenError("not three parts of base64url")
    segment = token.partition(".")[0]
    if len(segment) > MAX_HEADER:
        raise InvalidTokenError("a header that is too long")
    header = parse_object(_decoded(segment))
    if header.get("alg") != algorithm:
        raise InvalidTokenError("another algorithm")
    if not REFUSED_MEMBERS.isdisjoint(header):
        raise InvalidTokenError("a header member that is not for us")
    return header


def read_kid(token: str, algorithm: str, max_length: int) -> str:
    """Return the name of the key that an access token says it was signed with.

    Raises:
        InvalidTokenError: it is none: see `open_header`; or it is for another purpose.
    """
    header = open_header(token, algorithm, max_length)
    kind, kid = header.get("typ"), header.get("kid")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise InvalidTokenError("another type")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise InvalidTokenError("no name of a key")
    return kid
