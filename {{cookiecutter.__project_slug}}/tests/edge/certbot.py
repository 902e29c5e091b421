"""What certbot leaves behind, and tells its deploy hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from tests.edge.running import Edge


def lineage(edge: Edge, certificate: bytes, key: bytes) -> dict[str, str]:
    """Write a pair as certbot leaves it; return what certbot tells its hook."""
    folder = edge.folder.parent / "live" / "localhost"
    folder.mkdir(parents=True)
    (folder / "fullchain.pem").write_bytes(certificate)
    (folder / "privkey.pem").write_bytes(key)
    return {"RENEWED_LINEAGE": str(folder), "RENEWED_DOMAINS": "www.localhost localhost"}


def rsa_key() -> bytes:
    """Return a key of the kind that certbot made before its version 2."""
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
