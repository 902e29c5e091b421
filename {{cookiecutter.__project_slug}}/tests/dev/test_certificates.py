"""The local CA: what it may vouch for, and that its files are private and kept."""

from __future__ import annotations

import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from dev import certificates
from dev.certificates import Authority, ensure_certificates, issue, make_authority, private_pem

if TYPE_CHECKING:
    from pathlib import Path


MESSAGE = b"hello"


def handshake(
    authority: Authority, leaf: x509.Certificate, key: bytes, name: str, at: Path
) -> bool:
    """Do a TLS handshake in memory as a client that trusts the authority and wants this name.

    Return whether what the client says then arrives: a handshake that hangs must not pass for one.
    """
    chain = at / "leaf.pem"
    chain.write_bytes(leaf.public_bytes(Encoding.PEM) + key)
    anchor = authority.certificate.public_bytes(Encoding.PEM).decode("ascii")
    client_context = ssl.create_default_context(cadata=anchor)
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(chain)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname=name)
    server = server_context.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    client.write(MESSAGE)
    return server.read() == MESSAGE


def test_a_certificate_for_localhost_is_trusted(tmp_path: Path) -> None:
    authority = make_authority(())
    leaf, key = issue(authority, ())
    for name in ("localhost", "127.0.0.1", "::1"):
        assert handshake(authority, leaf, private_pem(key), name, tmp_path)


def test_a_certificate_for_a_subdomain_of_localhost_is_trusted(tmp_path: Path) -> None:
    authority = make_authority(())
    leaf, key = issue(authority, ("api.localhost",))
    assert handshake(authority, leaf, private_pem(key), "api.localhost", tmp_path)


def test_a_certificate_for_example_com_is_refused_though_the_authority_signed_it(
    tmp_path: Path,
) -> None:
    authority = make_authority(())
    leaf, key = issue(authority, ("example.com",))
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(authority, leaf, private_pem(key), "example.com", tmp_path)


def test_openssl_refuses_it_too(tmp_path: Path) -> None:
    authority = make_authority(())
    (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    for names, accepted in (((), True), (("example.com",), False)):
        leaf, _ = issue(authority, names)
        (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
        command = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.pem", "leaf.pem"]
        done = subprocess.run(  # noqa: S603 - a command of our own
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) is accepted, done.stderr


def test_a_name_that_was_asked_for_is_vouched_for(tmp_path: Path) -> None:
    authority = make_authority(("api.test",))
    leaf, key = issue(authority, ("api.test",))
    assert handshake(authority, leaf, private_pem(key), "api.test", tmp_path)


def test_the_certificate_is_short_lived_elliptic_and_for_servers_only() -> None:
    authority = make_authority(())
    leaf, key = issue(authority, ())
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=90)
    assert key.curve.name == "secp384r1"
    assert authority.key.curve.name == "secp384r1"
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [item.dotted_string for item in usage] == ["1.3.6.1.5.5.7.3.1"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    basic = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert basic.value.path_length == 0
    assert authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_keys_are_private_from_the_start(tmp_path: Path) -> None:
    files = ensure_certificates(tmp_path / "certificates")
    assert stat.S_IMODE(files.key.parent.stat().st_mode) == 0o700
    for path in files.key.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    second = ensure_certificates(tmp_path)
    assert (first.made, second.made) == (True, False)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_certificate_with_less_than_two_weeks_left_is_renewed_by_the_same_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "LEAF_LIFE", timedelta(days=13))
        files = ensure_certificates(tmp_path)
    authority = files.authority.read_bytes()
    assert ensure_certificates(tmp_path).made
    renewed = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    assert renewed.not_valid_after_utc - datetime.now(UTC) > timedelta(days=80)
    assert files.authority.read_bytes() == authority


def test_a_new_name_makes_a_new_certificate(tmp_path: Path) -> None:
    ensure_certificates(tmp_path)
    files = ensure_certificates(tmp_path, ["api.test"])
    assert files.made
    assert not ensure_certificates(tmp_path, ["api.test"]).made


def test_several_names_share_a_certificate_and_a_later_call_for_fewer_keeps_it(
    tmp_path: Path,
) -> None:
    names = ["app.example.test", "evil.example.test"]
    files = ensure_certificates(tmp_path, names)
    assert not ensure_certificates(tmp_path, names[:1]).made
    assert not ensure_certificates(tmp_path).made
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    authority = Authority(
        x509.load_pem_x509_certificate(files.authority.read_bytes()),
        ec.generate_private_key(ec.SECP384R1()),  # not needed to check what it signed
    )
    for name in ("localhost", "127.0.0.1", *names):
        assert handshake(authority, leaf, files.key.read_bytes(), name, tmp_path)


@pytest.mark.parametrize("old", [ec.SECP256R1, ec.SECP521R1])
def test_a_certificate_with_a_key_of_another_kind_is_made_anew_by_the_same_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: type[ec.EllipticCurve]
) -> None:
    authority = ensure_certificates(tmp_path).authority.read_bytes()
    with monkeypatch.context() as patch:
        signer = load_pem_private_key((tmp_path / "ca.key").read_bytes(), password=None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        patch.setattr(certificates, "CURVE", old)
        leaf, key = issue(Authority(x509.load_pem_x509_certificate(authority), signer), ())
        (tmp_path / "certificate.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
        (tmp_path / "certificate.key").write_bytes(private_pem(key))
    files = ensure_certificates(tmp_path)
    assert files.made
    assert files.authority.read_bytes() == authority
    renewed = load_pem_private_key(files.key.read_bytes(), password=None)
    assert isinstance(renewed, ec.EllipticCurvePrivateKey)
    assert renewed.curve.name == "secp384r1"


@pytest.mark.parametrize("lost", ["ca.key", "ca.pem", "certificate.key", "certificate.pem"])
def test_what_a_crash_left_half_done_is_made_whole(tmp_path: Path, lost: str) -> None:
    files = ensure_certificates(tmp_path)
    (tmp_path / lost).unlink()
    assert ensure_certificates(tmp_path).made
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    key = load_pem_private_key(files.key.read_bytes(), password=None)
    assert key.public_key() == leaf.public_key()
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(files.authority.read_bytes()))
