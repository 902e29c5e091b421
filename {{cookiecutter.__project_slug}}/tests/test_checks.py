"""Production refuses what is unsafe, by code and with a hint."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from app.checks import UnsafeConfigurationError, findings, refuse_unsafe
from app.layers.authentication.keys import load_signing_keys
from app.main import create_app
from app.settings import Settings, load_settings
from tests.in_process import make_settings, signing_key_pem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAFE = {
    "ENVIRONMENT": "production",
    "HTTPS__ALLOWED_HOSTS": "api.example.com",
    "HTTPS__TRUSTED_PROXIES": "10.0.0.0/24",
    "REDIS__URL": "rediss://:secret@cache.example.com/0",
    "DATABASE__URL": "postgresql+asyncpg://app:secret@db.example.com/app",
    "AUTHENTICATION__ISSUER": "https://api.example.com",
    "UPLOADS__ENDPOINT_URL": "https://s3.example.com",
    "CORS__ALLOWED_ORIGINS": "https://app.example.com",
}

TRUSTING = {
    "AUTHENTICATION__PRIVATE_KEY": "",
    "AUTHENTICATION__ISSUER": "https://login.example.com",
    "AUTHENTICATION__AUDIENCE": "https://api.example.com",
}
"""Beside the place of another issuer's keys."""


@pytest.fixture(autouse=True, scope="module")
def _keys_are_read_once() -> Iterator[None]:
    """Reading a key checks its primes, an eighth of a second each time; the answer is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.checks.load_signing_keys", cache(load_signing_keys))
        yield


def production(tmp_path: Path, **changes: str) -> Settings:
    elsewhere = TRUSTING if "AUTHENTICATION__JWKS_URL" in changes else {}
    return make_settings(tmp_path, **(SAFE | elsewhere | changes))


def test_a_safe_configuration_has_no_findings(tmp_path: Path) -> None:
    settings = production(tmp_path)
    assert findings(settings) == []
    refuse_unsafe(settings)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("HTTPS__ALLOWED_HOSTS", "localhost", "https.E001"),
        ("AUTHENTICATION__ISSUER", "https://[::ffff:127.0.0.1]", "authentication.E003"),
        ("HTTPS__ALLOWED_HOSTS", "api.example.com,127.0.0.1", "https.E001"),
        ("HTTPS__TRUSTED_PROXIES", "0.0.0.0/0", "https.E002"),
        ("HTTPS__TRUSTED_PROXIES", "10.0.0.0/24,::/0", "https.E002"),
        ("HTTPS__TRUSTED_PROXIES", "1.0.0.0/8", "https.E002"),
        ("HTTPS__ALLOWED_HOSTS", "127.1", "https.E001"),
        ("BOTS__SEARCH_ENGINE_NETWORKS", "0.0.0.0/0", "bots.E001"),
        ("LOGS__LEVEL", "DEBUG", "logs.E001"),
        ("REDIS__URL", "redis://10.0.0.1/0", "rate_limits.E002"),
        ("UPLOADS__ENDPOINT_URL", "https://2130706433", "uploads.E001"),
        ("HEADERS__HSTS_MAX_AGE", "3600", "headers.E001"),
        ("HTTPS__TRUSTED_PROXIES", "unix", "https.E003"),
        ("HTTPS__TRUSTED_PROXIES", "10.0.0.0/24,unix", "https.E003"),
        ("SERVER__BIND", "unix:/run/app/app.sock", "https.E004"),
        ("CORS__ALLOWED_ORIGINS", "http://app.example.com", "cors.E001"),
        ("CORS__ALLOWED_ORIGINS", "https://localhost:3000", "cors.E002"),
        ("CORS__ALLOWED_ORIGINS", "https://app.example.com, https://[::1]", "cors.E002"),
        ("CORS__ALLOWED_ORIGINS", "http://127.0.0.1", "cors.E002"),
        ("AUTHENTICATION__PRIVATE_KEY", "", "authentication.E001"),
        ("AUTHENTICATION__PRIVATE_KEY", "not a key", "authentication.E002"),
        ("AUTHENTICATION__PRIVATE_KEY", signing_key_pem(2048), "authentication.E002"),
        ("AUTHENTICATION__ISSUER", "https://localhost", "authentication.E003"),
        ("AUTHENTICATION__ISSUER", "http://api.example.com", "authentication.E003"),
        *(
            ("AUTHENTICATION__JWKS_URL", url, "authentication.E004")
            for url in (
                "http://login.example.com/keys",
                "https://localhost/keys",
                "https://127.0.0.1/keys",
                "https://[::1]:8443/keys",
            )
        ),
        ("UPLOADS__BUCKET", "", "uploads.E002"),
        ("UPLOADS__ENDPOINT_URL", "http://s3.example.com", "uploads.E001"),
        ("UPLOADS__ENDPOINT_URL", "https://127.0.0.1:9000", "uploads.E001"),
        ("DATABASE__URL", "sqlite+aiosqlite:///app.db", "database.E001"),
    ],
)
def test_an_unsafe_production_setting_is_refused(
    tmp_path: Path, name: str, value: str, code: str
) -> None:
    settings = production(tmp_path, **{name: value})
    with pytest.raises(UnsafeConfigurationError) as refused:
        refuse_unsafe(settings)
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [code]


def test_a_service_that_trusts_another_issuer_needs_no_key(tmp_path: Path) -> None:
    url = "https://login.example.com/keys"
    assert findings(production(tmp_path, AUTHENTICATION__JWKS_URL=url)) == []


def test_an_audience_that_other_services_of_the_issuer_have_too_is_refused(tmp_path: Path) -> None:
    changes = {"AUTHENTICATION__JWKS_URL": "https://login.example.com/keys"}
    settings = production(tmp_path, **changes, AUTHENTICATION__AUDIENCE="api")
    assert [finding.code for finding in findings(settings)] == ["authentication.E005"]
    assert findings(production(tmp_path, AUTHENTICATION__AUDIENCE="api")) == []


@pytest.mark.parametrize("proxies", ["unix", "10.0.0.7, unix"])
def test_a_socket_that_is_trusted_is_safe(tmp_path: Path, proxies: str) -> None:
    changes = {"SERVER__BIND": "unix:/run/app/app.sock", "HTTPS__TRUSTED_PROXIES": proxies}
    assert findings(production(tmp_path, **changes)) == []


def test_production_without_redis_is_refused(tmp_path: Path) -> None:
    environ = {name: value for name, value in SAFE.items() if name != "REDIS__URL"}
    settings = make_settings(tmp_path, **environ)
    assert [finding.code for finding in findings(settings)] == ["rate_limits.E001"]


def test_the_bare_defaults_do_not_start() -> None:
    with pytest.raises(UnsafeConfigurationError, match=r"authentication\.E001"):
        create_app(load_settings({}, env_file=None))


def test_development_may_have_findings(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    assert findings(settings)
    refuse_unsafe(settings)


def test_a_finding_says_what_to_do(tmp_path: Path) -> None:
    for finding in findings(make_settings(tmp_path)):
        assert "__" in finding.hint, finding
