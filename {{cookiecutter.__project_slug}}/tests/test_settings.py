"""Settings: what is misspelt is named, what is secret is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.settings import InvalidSettingsError, load_settings, setting_names

if TYPE_CHECKING:
    from pathlib import Path


def test_the_defaults_are_production_and_closed() -> None:
    settings = load_settings({}, env_file=None)
    assert settings.environment == "production"
    assert settings.cors.allowed_origins == ()
    assert not settings.serves_docs
    assert settings.redis.url is None


def test_a_nested_name_sets_the_field_of_its_layer() -> None:
    settings = load_settings({"HEADERS__HSTS_MAX_AGE": "31536000"}, env_file=None)
    assert settings.headers.hsts_max_age == 31_536_000


def test_a_list_is_written_with_commas() -> None:
    environ = {"CORS__ALLOWED_ORIGINS": "https://a.example, https://b.example:8443"}
    settings = load_settings(environ, env_file=None)
    assert settings.cors.allowed_origins == ("https://a.example", "https://b.example:8443")


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:8000", "[::1]:8000", "app:8000", "unix:/run/app/app.sock"]
)
def test_the_service_listens_on_an_address_or_a_socket(bind: str) -> None:
    assert load_settings({"SERVER__BIND": bind}, env_file=None).server.bind == bind


@pytest.mark.parametrize(
    "bind",
    [
        *("", "8000", ":8000", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:8000,unix:/run/app.sock"),
        *("unix:app.sock", "unix:", "unix:8000", "unix:/run/a.sock,unix:/run/b.sock"),
    ],
)
def test_what_the_service_cannot_listen_on_is_refused(bind: str) -> None:
    with pytest.raises(InvalidSettingsError, match="SERVER__BIND"):
        load_settings({"SERVER__BIND": bind}, env_file=None)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("ENVIROMENT", "ENVIRONMENT"),
        ("RATE_LIMIT__PER_CLIENT", "RATE_LIMITS__PER_CLIENT"),
        ("RATE_LIMITS__PERCLIENT", "RATE_LIMITS__PER_CLIENT"),
        ("HTTPS__ALOWED_HOSTS", "HTTPS__ALLOWED_HOSTS"),
        ("DATABASE_URL", "DATABASE__URL"),
        ("AUTHENTICATION__PRIVATE_KEY_PATH", "AUTHENTICATION__PRIVATE_KEY_FILE"),
        ("AUTHENTICATION__PRIVATE_KEY_FIEL", "AUTHENTICATION__PRIVATE_KEY_FILE"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest_valid_one(given: str, nearest: str) -> None:
    with pytest.raises(InvalidSettingsError, match=rf"{given}: .* did you mean {nearest}\?"):
        load_settings({given: "x"}, env_file=None)


@pytest.mark.parametrize("name", ["PATH", "HOME", "LANG", "AWS_REGION", "KUBERNETES_PORT", "A__B"])
def test_the_rest_of_the_environment_is_left_alone(name: str) -> None:
    assert load_settings({name: "x"}, env_file=None) == load_settings({}, env_file=None)


def test_an_unknown_name_in_the_env_file_is_refused_however_foreign(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("COMPLETELY_DIFFERENT=1\n")
    with pytest.raises(InvalidSettingsError, match="COMPLETELY_DIFFERENT: no such setting"):
        load_settings({}, env_file=env_file)


def test_the_environment_goes_over_the_env_file(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("LOGS__SERVICE_NAME=from-file\nENVIRONMENT=development\n")
    settings = load_settings({"LOGS__SERVICE_NAME": "from-environment"}, env_file=env_file)
    assert settings.logs.service_name == "from-environment"
    assert settings.environment == "development"


def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "redis"
    secret.write_text("redis://:s3cret@127.0.0.1/0\n")
    settings = load_settings({"REDIS__URL_FILE": str(secret)}, env_file=None)
    assert settings.redis.url is not None
    assert settings.redis.url.get_secret_value() == "redis://:s3cret@127.0.0.1/0"


def test_only_secrets_have_a_file_form() -> None:
    secrets = {name for name, is_secret in setting_names().items() if is_secret}
    assert "AUTHENTICATION__PRIVATE_KEY" in secrets
    assert "SERVER__BIND" not in secrets


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "redis"
    secret.write_text("redis://127.0.0.1")
    environ = {"REDIS__URL": "redis://127.0.0.1", "REDIS__URL_FILE": str(secret)}
    with pytest.raises(InvalidSettingsError, match="REDIS__URL: set both"):
        load_settings(environ, env_file=None)


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingsError, match="REDIS__URL_FILE: the file can't be read"):
        load_settings({"REDIS__URL_FILE": str(tmp_path / "missing")}, env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE__URL", "mysql://root:hunter2-secret@db/x"),
        ("DATABASE__URL", "hunter2-secret"),
        ("REDIS__URL", "hunter2-secret"),
        ("SERVER__WORKERS", "hunter2-secret"),
    ],
)
def test_an_error_names_the_setting_and_never_shows_its_value(name: str, value: str) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings({name: value}, env_file=None)
    assert str(caught.value).startswith(f"{name}: ")
    assert "hunter2-secret" not in str(caught.value)
    assert "hunter2-secret" not in repr(caught.value.__context__)


def test_every_mistake_is_reported_at_once() -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings({"SERVER__WORKERS": "0", "ENVIROMENT": "x"}, env_file=None)
    assert len(str(caught.value).splitlines()) == 2
