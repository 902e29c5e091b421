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
        ("SERVICE__WORKERS", "SERVER__WORKERS"),
        ("HEADERS__HSTS_MAXAGE", "HEADERS__HSTS_MAX_AGE"),
        ("AUTHENTICATION__PRIVATE_KEY_PATH", "AUTHENTICATION__PRIVATE_KEY_FILE"),
        ("AUTHENTICATION__PRIVATE_KEY_FIEL", "AUTHENTICATION__PRIVATE_KEY_FILE"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest_valid_one(given: str, nearest: str) -> None:
    with pytest.raises(InvalidSettingsError, match=rf"{given}: .* did you mean {nearest}\?"):
        load_settings({given: "x"}, env_file=None)


@pytest.mark.parametrize(
    "given", ["HEADERS__CSP", "AUTHENTICATION__USER", "LOGS__FILE", "RATE_LIMITS__WEBHOOKS"]
)
def test_a_name_in_a_section_of_ours_that_is_like_none_gets_no_wrong_hint(given: str) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings({given: "x"}, env_file=None)
    assert str(caught.value).startswith(f"{given}: no such setting; see .env.example")
    assert "did you mean" not in str(caught.value)


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


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601, 0o666, 0o777])
@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_private_key_that_others_on_the_machine_may_touch_is_refused(
    tmp_path: Path, mode: int, environment: str
) -> None:
    key = tmp_path / "key.pem"
    key.write_text("hunter2-secret")
    key.chmod(mode)
    environ = {"ENVIRONMENT": environment, "AUTHENTICATION__PRIVATE_KEY_FILE": str(key)}
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings(environ, env_file=None)
    assert str(caught.value) == (
        f"AUTHENTICATION__PRIVATE_KEY_FILE: it is open to everybody on the machine; chmod o= {key}"
    )


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_private_key_of_its_owner_and_group_is_read_through_a_link_too(
    tmp_path: Path, mode: int
) -> None:
    """Kubernetes gives secrets as links to files of root and the service's group."""
    key, link = tmp_path / "key.pem", tmp_path / "link.pem"
    key.write_text("hunter2-secret\n")
    link.symlink_to(key)
    key.chmod(mode)
    for path in (key, link):
        environ = {"AUTHENTICATION__PRIVATE_KEY_FILE": str(path)}
        settings = load_settings(environ, env_file=None)
        assert settings.authentication.private_key is not None
        assert settings.authentication.private_key.get_secret_value() == "hunter2-secret"
    key.chmod(0o644)
    with pytest.raises(InvalidSettingsError, match="open to everybody"):
        load_settings({"AUTHENTICATION__PRIVATE_KEY_FILE": str(link)}, env_file=None)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://login.example.com/keys", "login.example.com/keys", "https:///keys", "https://"),
        *("https://user@login.example.com/keys", "https://login.example.com/keys#1", "file:///k"),
        *(
            "https://login.example.com/a b",
            "https://login.example.com/\n",
            "HTTPS",
            "https://\u00e4",
        ),
    ],
    ids=range(11),
)
def test_another_issuers_keys_have_an_address_or_it_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"^AUTHENTICATION__JWKS_URL: it is an https"):
        load_settings({"AUTHENTICATION__JWKS_URL": url}, env_file=None)


def test_an_address_that_is_left_empty_is_none() -> None:
    environ = {"AUTHENTICATION__JWKS_URL": "", "AUTHENTICATION__JWKS_CA_FILE": ""}
    chosen = load_settings(environ, env_file=None).authentication
    assert (chosen.jwks_url, chosen.jwks_ca_file, chosen.trusts_another_issuer) == (
        None,
        None,
        False,
    )
    assert chosen.longest_token_seconds == chosen.access_token_seconds
    url = "https://login.example.com/keys?a=b"
    chosen = load_settings({"AUTHENTICATION__JWKS_URL": url}, env_file=None).authentication
    assert (chosen.jwks_url, chosen.trusts_another_issuer) == (url, True)
    assert chosen.longest_token_seconds == chosen.max_token_seconds


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


NO_NETWORK = "say an address or a network, such as 10.0.0.0/8"
NO_BITS = "a network has no host bits: 10.0.0.0/8"


@pytest.mark.parametrize("name", ["HTTPS__TRUSTED_PROXIES", "BOTS__SEARCH_ENGINE_NETWORKS"])
@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ("10.0.0.5/8", [NO_BITS]),
        ("nginx", [NO_NETWORK]),
        ("10.0.0.0/8, 10.0.0.5/8", [f"the 2nd: {NO_BITS}"]),
        ("x,10.0.0.0/8,x", [f"the 1st: {NO_NETWORK}", f"the 3rd: {NO_NETWORK}"]),
        ("::1/64", ["a network has no host bits: ::/64"]),
    ],
)
def test_a_wrong_network_is_told_in_a_line_with_its_place_and_the_rule(
    name: str, value: str, problems: list[str]
) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings({name: value}, env_file=None)
    assert str(caught.value).splitlines() == [f"{name}: {problem}" for problem in problems]


def test_another_spelling_of_the_word_for_the_socket_is_told_the_word() -> None:
    with pytest.raises(InvalidSettingsError, match=r"^HTTPS__TRUSTED_PROXIES: .* the word unix"):
        load_settings({"HTTPS__TRUSTED_PROXIES": "UNIX"}, env_file=None)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("*", ""),
        ("https://a.example/", ""),
        ("https://a.example https://b.example", ""),
        ('["https://a.example"]', ""),
        ("https://a.example, null", "the 2nd: "),
        (f"{'https://a.example,' * 10} x", "the 11th: "),
        (f"{'https://a.example,' * 21} x", "the 22nd: "),
    ],
)
def test_a_wrong_origin_is_told_its_place_and_what_an_origin_is(value: str, place: str) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings({"CORS__ALLOWED_ORIGINS": value}, env_file=None)
    expected = f"CORS__ALLOWED_ORIGINS: {place}an origin is https://host or https://host:port: "
    assert str(caught.value).startswith(expected)
    assert str(caught.value).endswith("separate several by commas")


def test_an_address_that_browsers_write_in_another_way_is_not_repeated() -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings({"CORS__ALLOWED_ORIGINS": "https://300.0.0.1"}, env_file=None)
    assert "in another way" in str(caught.value)
    assert "300" not in str(caught.value)


def test_hsts_is_never_shorter_than_nothing() -> None:
    with pytest.raises(InvalidSettingsError, match=r"^HEADERS__HSTS_MAX_AGE: .* equal to 0$"):
        load_settings({"HEADERS__HSTS_MAX_AGE": "-1"}, env_file=None)
    assert load_settings({"HEADERS__HSTS_MAX_AGE": "0"}, env_file=None).headers.hsts_max_age == 0


def test_every_mistake_is_reported_at_once() -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings({"SERVER__WORKERS": "0", "ENVIROMENT": "x"}, env_file=None)
    assert len(str(caught.value).splitlines()) == 2
