"""`AUTHENTICATION__*`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from app.layers import LayerSettings
from app.layers.authentication.keys import Algorithm


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _url(url: str) -> str:
    """Return what it is given.

    Raises:
        ValueError: it is no plain http or https URL.
    """
    parts = urlsplit(url)
    is_plain = parts.username is None and parts.password is None and not parts.fragment
    is_printable = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in {"http", "https"} or not (parts.hostname and is_plain and is_printable):
        raise ValueError("it is an https URL without user, password or fragment")
    return url


class AuthenticationSettings(LayerSettings):
    """Who issues tokens, for whom, for how long, and what a password costs."""

    issuer: str = Field(default="https://localhost", min_length=1)
    """`iss` of the tokens that count: ours, or another issuer's when `jwks_url` is set."""
    audience: str = Field(default="api", min_length=1)
    """`aud` of the tokens that count: this service."""
    algorithm: Algorithm = "RS256"
    """The only one there is. RS256 is what every library reads, and a declared exception to
    ASVS 5.0 appendix C; PS256 takes the same keys, ES256 takes P-256."""
    private_key: SecretStr | None = None
    """PEM of one or more keys, RSA of 3072 bits or more; give it as
    `AUTHENTICATION__PRIVATE_KEY_FILE`."""
    access_token_seconds: int = Field(default=600, ge=30, le=3600)
    refresh_token_seconds: int = Field(default=14 * 86_400, ge=300, le=90 * 86_400)
    """A session ends when it was not refreshed for this long."""
    refresh_leeway_seconds: int = Field(default=10, ge=0, le=60)
    """Whoever repeats a refresh within this time, since the answer was lost, gets it again."""
    session_seconds: int = Field(default=30 * 86_400, ge=300, le=365 * 86_400)
    """A session ends this long after the login, however busy (ASVS 5.0 V7.3.2)."""
    session_memory_seconds: int = Field(default=10, ge=0, le=60)
    """How long the database's word about a session may be remembered; 0: never."""
    clock_skew_seconds: int = Field(default=5, ge=0, le=60)
    max_token_bytes: int = Field(default=4_096, ge=512, le=16_384)
    """A longer token is refused before it is looked at."""
    password_concurrency: int = Field(default=2, ge=1, le=64)
    """Passwords hashed at once by a worker: 19 MiB and a core's 25 ms each."""
    jwks_url: Annotated[
        Annotated[str, AfterValidator(_url)] | None, BeforeValidator(_none_if_empty)
    ] = None
    """Set: another issuer makes the tokens, and its keys are here (RFC 7517)."""
    jwks_ca_file: Annotated[Path | None, BeforeValidator(_none_if_empty)] = None
    """Certificates that its server is believed by; unset: the public ones, as certifi has them."""
    jwks_refresh_seconds: int = Field(default=300, ge=15, le=86_400)
    """Its keys are fetched again after this long, in the background."""
    jwks_stale_seconds: int = Field(default=3_600, ge=0, le=86_400)
    """When it does not answer, its last keys count for this long beyond; then nobody is let in."""
    jwks_timeout_seconds: float = Field(default=3.0, gt=0, le=30)
    max_token_seconds: int = Field(default=3_600, ge=30, le=86_400)
    """The longest life of another issuer's token that is believed."""

    @model_validator(mode="after")
    def _makes_tokens_or_trusts_another(self) -> AuthenticationSettings:
        if self.trusts_another_issuer and self.private_key and self.private_key.get_secret_value():
            raise ValueError("JWKS_URL names another issuer: take PRIVATE_KEY away, or JWKS_URL")
        return self

    @property
    def trusts_another_issuer(self) -> bool:
        """Whether tokens come from elsewhere: then none are made here."""
        return self.jwks_url is not None

    @property
    def longest_token_seconds(self) -> int:
        """The longest life of a token that is believed."""
        return self.max_token_seconds if self.trusts_another_issuer else self.access_token_seconds
