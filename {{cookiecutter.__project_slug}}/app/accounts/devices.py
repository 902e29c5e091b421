"""Devices that an account's owner has logged in from: strangers can't use up their attempts.

Whoever knows an e-mail address can fail at it until its account's count is used up, from as many
addresses as they have. So a login's answer carries a device token, and a login that brings one
counts its failures for that device alone (OWASP, "Slow Down Online Guessing Attacks with Device
Cookies"). It opens nothing by itself: the password is asked for as ever, and whoever stole the
token has as many guesses as a stranger has, and no more by coming from elsewhere.

A token is 72 bytes in base64url, and nothing is stored of it:

    8   when it was made, in seconds      16  which device       16  for which password, see below
    32  HMAC-SHA256 over those and the account's e-mail address

The key is derived from the one that signed access tokens at that moment (HKDF), so a token made
with a key that was thrown away is worth nothing. Neither is one that is older than `LIFETIME`, one
of another account, or one made before the password was changed or all sessions were ended: the
third part is an HMAC over the hash of the password and the moment of the latter. What is worth
nothing is treated as if it were not there, without a word. The database is asked for those alone
that we made for this very account, so the time that a made-up one takes tells nothing.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import struct
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from app.accounts.models import User
from app.database import utc_now

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.accounts.sessions import Issuer

PURPOSE = "device tokens"
LIFETIME = timedelta(days=180)
"""Each login on a device begins it anew."""
CLOCK_SKEW = timedelta(minutes=1)
"""Another worker's clock may be ahead of ours."""

_PARTS = struct.Struct(">Q16s16s32s")
LENGTH = _PARTS.size * 4 // 3
"""Characters."""


class Trust(NamedTuple):
    """What an account's device tokens hang on: when it changes, those made before are void."""

    password_hash: str
    devices_forgotten_at: datetime | None


class _Token(NamedTuple):
    made: int
    device: bytes
    generation: bytes
    tag: bytes


def device_token(issuer: Issuer, email: str, trust: Trust, device: str | None = None) -> str:
    """Return a token for a device that its account's owner has just logged in from.

    Args:
        issuer: whose keys are used.
        email: the account's address.
        trust: what the token hangs on.
        device: what the device was known as before; None gives it a name.
    """
    made = int(utc_now().timestamp())
    name = bytes.fromhex(device) if device is not None else secrets.token_bytes(16)
    secret = _secret(issuer, made)
    bare = _Token(made, name, _generation(secret, trust), b"")
    return base64.urlsafe_b64encode(_PARTS.pack(*bare[:3], _tag(secret, bare, email))).decode(
        "ascii"
    )


async def known_device(
    database: AsyncSession, issuer: Issuer, email: str, given: str | None
) -> str | None:
    """Return what a device is known as; None if it is not, or not for this account any more."""
    token = _parsed(given) if given is not None else None
    if token is None or not _is_current(token):
        return None
    secret = _secret(issuer, token.made)
    if not hmac.compare_digest(token.tag, _tag(secret, token, email)):
        return None
    found = await database.execute(
        select(User.password_hash, User.devices_forgotten_at).where(User.email == email)
    )
    password_hash, forgotten_at = found.one_or_none() or (None, None)
    await database.commit()  # what follows waits its turn, and must not hold a connection
    if password_hash is None:
        return None
    expected = _generation(secret, Trust(password_hash, forgotten_at))
    return token.device.hex() if hmac.compare_digest(token.generation, expected) else None


def _parsed(given: str) -> _Token | None:
    if len(given) != LENGTH:
        return None
    try:
        # Standard letters in their URL-safe places, so that a token has one spelling.
        raw = base64.b64decode(given.translate(_STANDARD), validate=True)
        return _Token(*_PARTS.unpack(raw))
    except (ValueError, struct.error):  # binascii's is a ValueError; padding makes it shorter
        return None


_STANDARD = str.maketrans("-_+/", "+/  ")


def _is_current(token: _Token) -> bool:
    age = utc_now().timestamp() - token.made
    return -CLOCK_SKEW.total_seconds() <= age < LIFETIME.total_seconds()


def _secret(issuer: Issuer, made: int) -> bytes:
    return issuer.authentication.keys.signer(made).secret(PURPOSE)


def _generation(secret: bytes, trust: Trust) -> bytes:
    forgotten = trust.devices_forgotten_at
    moment = "" if forgotten is None else forgotten.isoformat()
    return hmac.digest(secret, f"{trust.password_hash} {moment}".encode(), "sha256")[:16]


def _tag(secret: bytes, token: _Token, email: str) -> bytes:
    parts = _PARTS.pack(*token[:3], b"")
    return hmac.digest(secret, parts + email.encode("utf-8"), "sha256")
