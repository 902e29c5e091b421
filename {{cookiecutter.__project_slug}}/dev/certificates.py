"""A certificate authority for this machine only, and a certificate from it for the edge.

The authority can vouch for loopback names and nothing else (name constraints, critical: RFC 5280
§4.2.1.10), so that trusting it in a browser does not hand anybody the rest of the web, not even
whoever steals its key.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dev.files import private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CURVE: type[ec.EllipticCurve] = ec.SECP384R1
"""Of both keys, as of the certificates that production orders (docs/certificates.md)."""
AUTHORITY_LIFE = timedelta(days=365)
LEAF_LIFE = timedelta(days=89)
"""Below the 90 days that Mozilla's guidelines recommend."""
RENEW_BEFORE = timedelta(days=14)
LOOPBACK_NAMES = ("localhost",)
LOOPBACK_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
LOOPBACK_ADDRESSES = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where they are. `made` says whether this call made a new certificate."""

    authority: Path
    certificate: Path
    key: Path
    made: bool


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority, ready to sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the key as unencrypted PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def make_authority(names: Iterable[str]) -> Authority:
    """Return a new authority that can vouch for loopback and these names only."""
    key = ec.generate_private_key(CURVE())
    subject = _name("Development CA, this machine only")
    permitted: list[x509.GeneralName] = [
        x509.DNSName(name) for name in dict.fromkeys((*LOOPBACK_NAMES, *names))
    ]
    permitted += [x509.IPAddress(network) for network in LOOPBACK_NETWORKS]
    certificate = (
        _builder(subject, subject, key.public_key(), AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, hashes.SHA384())
    )
    return Authority(certificate, key)


def issue(
    authority: Authority, names: Sequence[str]
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return a certificate for these names and loopback, and its key."""
    key = ec.generate_private_key(CURVE())
    subjects: list[x509.GeneralName] = [
        x509.DNSName(name) for name in dict.fromkeys((*LOOPBACK_NAMES, *names))
    ]
    subjects += [x509.IPAddress(address) for address in LOOPBACK_ADDRESSES]
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    certificate = (
        _builder(_name("localhost"), authority.certificate.subject, key.public_key(), LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value),
            critical=False,
        )
        .sign(authority.key, hashes.SHA384())
    )
    return certificate, key


def _is_fresh(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc - now > RENEW_BEFORE


def _load_authority(certificate_path: Path, key_path: Path) -> Authority | None:
    """Return the stored authority, or None when there is none, or only half of one."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, CURVE):
        return None  # of another kind: made anew
    return Authority(certificate, key) if key.public_key() == certificate.public_key() else None


def _vouches_for(authority: Authority, names: Iterable[str]) -> bool:
    constraints = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    permitted = [
        item.value
        for item in constraints.value.permitted_subtrees or []
        if isinstance(item, x509.DNSName)
    ]
    return all(
        any(name == allowed or name.endswith(f".{allowed}") for allowed in permitted)
        for name in names
    )


def _is_usable(certificate: Path, key: Path, authority: Authority, names: Sequence[str]) -> bool:
    """Whether the stored certificate is this authority's, for these names, and not about to end."""
    leaf = _load_authority(certificate, key)  # a certificate with its key, just the same
    if leaf is None or not _is_fresh(leaf.certificate, datetime.now(UTC)):
        return False
    subjects = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    if not set(names) <= set(subjects.value.get_values_for_type(x509.DNSName)):
        return False
    try:
        leaf.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def ensure_certificates(folder: Path, names: Sequence[str] = ()) -> CertificateFiles:
    """Make what is missing or about to end; leave the rest as it is.

    Args:
        folder: where authority and certificate are kept; made private.
        names: host names beside localhost. The authority can vouch for these and no others: another
            name later makes a new authority, which browsers have to be told of again.

    Raises:
        OSError: a file can't be read or written.
    """
    private_folder(folder)
    ca_file, ca_key = folder / "ca.pem", folder / "ca.key"
    leaf_file, leaf_key = folder / "certificate.pem", folder / "certificate.key"
    authority = _load_authority(ca_file, ca_key)
    now = datetime.now(UTC)
    if (
        authority is None
        or authority.certificate.not_valid_after_utc - now <= LEAF_LIFE
        or not _vouches_for(authority, names)
    ):
        authority = make_authority(names)
        write_private(ca_key, private_pem(authority.key), replace=True)
        write_private(
            ca_file,
            authority.certificate.public_bytes(serialization.Encoding.PEM),
            replace=True,
        )
    made = not _is_usable(leaf_file, leaf_key, authority, names)
    if made:
        certificate, key = issue(authority, names)
        write_private(leaf_key, private_pem(key), replace=True)
        write_private(leaf_file, certificate.public_bytes(serialization.Encoding.PEM), replace=True)
    return CertificateFiles(ca_file, leaf_file, leaf_key, made)
