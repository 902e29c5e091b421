"""A fresh checkout gets its secrets once, and only ever its own."""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.settings import load_settings, setting_names
from dev.bootstrap import bootstrap, fill_in

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder that has what a fresh checkout has."""
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def test_a_fresh_checkout_gets_settings_keys_and_a_certificate(checkout: Path) -> None:
    made, certificates = bootstrap(checkout)
    assert len(made) == 3
    key_file = checkout / "var/keys/token-signing.pem"
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 3072
    assert certificates.certificate.exists()
    for path in (checkout / ".env", key_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((checkout / "var").stat().st_mode) == 0o700


def test_a_second_time_makes_nothing_and_changes_nothing(checkout: Path) -> None:
    bootstrap(checkout)
    files = [path for path in checkout.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    made, _ = bootstrap(checkout)
    assert made == []
    assert {path: path.read_bytes() for path in files} == before


def test_two_checkouts_share_no_secret(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    shutil.copy(ROOT / ".env.example", other)
    bootstrap(checkout)
    bootstrap(other)
    pattern = re.compile(r"^UPLOADS__SECRET_ACCESS_KEY=(\S{20,})$", re.MULTILINE)
    secrets = [pattern.findall((at / ".env").read_text("utf-8")) for at in (checkout, other)]
    assert len(secrets[0]) == len(secrets[1]) == 1
    assert secrets[0] != secrets[1]


def test_its_env_is_one_the_service_takes(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap(checkout)
    monkeypatch.chdir(checkout)
    settings = load_settings({})
    assert settings.environment == "development"
    assert settings.authentication.private_key is not None


def test_filling_in_a_setting_that_the_example_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 lines for NOTHING"):
        fill_in("# SOMETHING=1\n", {"NOTHING": "x"})


def test_a_value_with_backslashes_is_taken_as_it_is() -> None:
    assert fill_in("# NAME=\n", {"NAME": r"\1\g<0>"}) == "NAME=\\1\\g<0>\n"


def test_the_example_speaks_of_every_setting_once_and_of_no_other() -> None:
    spoken = re.findall(r"^# ([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)
    names = setting_names()
    expected = {name for name in names if f"{name}_FILE" not in spoken} | {
        name for name in spoken if name.removesuffix("_FILE") in names and name not in names
    }
    assert sorted(spoken) == sorted(expected)


def test_the_defaults_that_the_example_shows_are_the_defaults(tmp_path: Path) -> None:
    shown = re.sub(r"^# ([A-Z0-9_]+=)", r"\1", EXAMPLE, flags=re.MULTILINE)
    shown = re.sub(r"^[A-Z0-9_]+=$\n", "", shown, flags=re.MULTILINE)  # no default
    env = tmp_path / ".env"
    env.write_text(shown, "utf-8")
    assert load_settings({}, env) == load_settings({}, None)


def test_the_example_is_plain_ascii_and_turns_nothing_on() -> None:
    assert EXAMPLE.isascii()
    assert not re.findall(r"^[^#\n]", EXAMPLE, re.MULTILINE)


def test_what_is_made_is_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {".env", "var/"} <= {line.lstrip("/") for line in ignored}
