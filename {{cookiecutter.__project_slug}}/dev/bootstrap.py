"""Makes what a fresh checkout lacks: `.env`, keys and a certificate. `make init` runs it.

Secrets are made here, on the machine that uses them, and never come with the code. What is already
there stays as it is, so it can be run at any time.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from app.keys.service import new_text
from app.layers.authentication.keys import MIN_BITS
from dev.certificates import CertificateFiles, ensure_certificates
from dev.files import private_folder, write_private

ROOT = Path(__file__).resolve().parent.parent
SIGNING_KEY = "var/keys/token-signing.pem"


def make_signing_key() -> bytes:
    """Return a new RSA private key for access tokens, as PEM."""
    return new_text("RS256").encode("ascii")


def storage_credentials() -> dict[str, str]:
    """Return random credentials for the object storage, as settings."""
    return {
        "UPLOADS__ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
        "UPLOADS__SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
    }


def development_settings() -> dict[str, str]:
    """Return the settings that a development machine can't leave at their defaults."""
    return {
        "ENVIRONMENT": "development",
        "AUTHENTICATION__PRIVATE_KEY_FILE": SIGNING_KEY,
        **storage_credentials(),
    }


def fill_in(example: str, values: dict[str, str]) -> str:
    """Return the example with these settings turned on: `# NAME=…` becomes `NAME=value`.

    Raises:
        ValueError: the example does not speak of one of them.
    """
    for name, value in values.items():
        parts = re.split(rf"^# {re.escape(name)}=.*$", example, flags=re.MULTILINE)
        if len(parts) != 2:  # noqa: PLR2004 - what is before and what is after
            raise ValueError(f".env.example has {len(parts) - 1} lines for {name}, not one")
        example = f"{name}={value}".join(parts)
    return example


def bootstrap(root: Path) -> tuple[list[str], CertificateFiles]:
    """Make what is missing in this folder; return a line for each thing made, and the certificate.

    Raises:
        OSError: a file can't be read or written.
    """
    made = []
    folder = private_folder(root / "var")
    key = private_folder(folder / "keys") / Path(SIGNING_KEY).name
    if not key.exists() and write_private(key, make_signing_key()):
        made.append(f"{SIGNING_KEY}: RSA-{MIN_BITS}, signs access tokens")
    env = root / ".env"
    if not env.exists():
        example = (root / ".env.example").read_text("utf-8")
        if write_private(env, fill_in(example, development_settings()).encode("utf-8")):
            made.append(".env: settings of this machine, with random storage credentials")
    certificates = ensure_certificates(folder / "certificates")
    if certificates.made:
        made.append(
            "var/certificates: a CA for loopback names only, and a certificate for localhost"
        )
    return made, certificates


def main() -> None:
    """Make what is missing, and say so."""
    made, _ = bootstrap(ROOT)
    for line in made or ["Nothing to make: .env, keys and certificate are there."]:
        print(line)


if __name__ == "__main__":
    main()
