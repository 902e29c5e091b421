"""`AUTHENTICATION__*`."""

from __future__ import annotations

from pydantic import Field, SecretStr

from app.layers import LayerSettings


class AuthenticationSettings(LayerSettings):
    """Who issues tokens, for whom, for how long, and what a password costs."""

    issuer: str = Field(default="https://localhost", min_length=1)
    """`iss` of our tokens."""
    audience: str = Field(default="api", min_length=1)
    """`aud` of our tokens: this service."""
    private_key: SecretStr | None = None
    """PEM of an RSA key of 3072 bits or more; give it as `AUTHENTICATION__PRIVATE_KEY_FILE`."""
    access_token_seconds: int = Field(default=600, ge=30, le=3600)
    refresh_token_seconds: int = Field(default=14 * 86_400, ge=300, le=90 * 86_400)
    """A session ends when it was not refreshed for this long."""
    session_seconds: int = Field(default=30 * 86_400, ge=300, le=365 * 86_400)
    """A session ends this long after the login, however busy (ASVS 5.0 V7.3.2)."""
    clock_skew_seconds: int = Field(default=5, ge=0, le=60)
    max_token_bytes: int = Field(default=4_096, ge=512, le=16_384)
    """A longer token is refused before it is looked at."""
    password_concurrency: int = Field(default=2, ge=1, le=64)
    """Passwords hashed at once by a worker: 19 MiB and a core's 25 ms each."""
