"""Writes a fresh signing key, as long as the service demands, to the path it is given."""

from __future__ import annotations

import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

BITS = 3072


def main(path: Path) -> None:
    """Write the key; nobody else may read it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(pem)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
