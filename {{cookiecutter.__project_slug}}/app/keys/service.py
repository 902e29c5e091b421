"""Signing keys as a text: making one, putting the next one beside it, and saying what is there."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.layers.authentication.keys import (
    MIN_BITS,
    MOMENT,
    SIGNS_FROM,
    SigningKey,
    WeakKeyError,
    load_signing_keys,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from app.layers.authentication.keys import Algorithm

LONGEST_LIFE = 3_600 + 60
"""Seconds for which a key verifies after its last token, at most: what the settings allow a token
to live and clocks to differ. The command is no part of a service, and asks for no settings."""


class RotationUnderWayError(Exception):
    """The newest key has not begun to sign. The message says when it will."""


def moment_text(moment: float) -> str:
    """Return a moment (seconds since the epoch) as it is written before a key."""
    return datetime.fromtimestamp(moment, UTC).strftime(MOMENT)


def make_key(algorithm: Algorithm) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """Return a new private key that the algorithm takes."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65_537, key_size=MIN_BITS)


def key_text(private: RSAPrivateKey | EllipticCurvePrivateKey, signs_from: float) -> str:
    """Return a key as PEM, behind its moment if it has one."""
    encoded = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    moment = f"{SIGNS_FROM}{moment_text(signs_from)}\n" if math.isfinite(signs_from) else ""
    return moment + encoded.decode("ascii")


def new_text(algorithm: Algorithm) -> str:
    """Return the text of one new key, which signs from the beginning."""
    return key_text(make_key(algorithm), float("-inf"))


def read_keys(text: str) -> list[SigningKey]:
    """Return the keys of a text, of whichever kind they are.

    Raises:
        WeakKeyError: they can't be used.
    """
    try:
        return load_signing_keys(text, "RS256")
    except WeakKeyError as of_rsa:
        try:
            return load_signing_keys(text, "ES256")
        except WeakKeyError:
            raise of_rsa from None


def is_retired(keys: Sequence[SigningKey], number: int, now: float) -> bool:
    """Whether the last token of a key has surely run out."""
    return number + 1 < len(keys) and keys[number + 1].signs_from + LONGEST_LIFE <= now


def rotated(text: str, now: float, overlap: int) -> tuple[str, SigningKey]:
    """Return the text with one more key and without those that have retired, and the new key.

    Args:
        text: the present keys.
        now: seconds since the epoch.
        overlap: seconds until the new key signs.

    Raises:
        WeakKeyError: the present keys can't be used.
        RotationUnderWayError: the last rotation's key has not begun to sign.
    """
    keys = read_keys(text)
    if keys[-1].signs_from > now:
        since = moment_text(keys[-1].signs_from)
        raise RotationUnderWayError(f"the newest key will not sign before {since}")
    kept = [key for number, key in enumerate(keys) if not is_retired(keys, number, now)]
    private, moment = make_key(keys[-1].public.algorithm), math.ceil(now) + overlap
    texts = [key_text(key.private, key.signs_from) for key in kept]
    new = key_text(private, moment)
    return "".join([*texts, new]), load_signing_keys(new, keys[-1].public.algorithm)[0]


def description(keys: Sequence[SigningKey], now: float) -> list[str]:
    """Return a line for each key: its name, its kind, from when it signs and what it does now."""
    signing = sum(key.signs_from <= now for key in keys) - 1
    lines = []
    for number, key in enumerate(keys):
        kind = "P-256" if key.public.algorithm == "ES256" else f"RSA-{key.public.key.key_size}"
        has_moment = math.isfinite(key.signs_from)
        since = f"from {moment_text(key.signs_from)}" if has_moment else "from the beginning"
        states = ("verifies what it signed", "signs", "is published, will sign")
        state = states[(number > signing) - (number < signing) + 1]
        if is_retired(keys, number, now):
            state = "has retired"
        lines.append(f"{key.kid}  {kind}  {since}  {state}")
    return lines
