"""Layer 7: a service that trusts another issuer makes no tokens, and knows its users by itself."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import select, update

from app.accounts.models import User
from app.database import utc_now
from app.layers.authentication import (
    AuthenticationSettings,
    BadCertificatesError,
    KeyRing,
    kept_fresh,
    open_authentication,
)
from app.layers.authentication.claims import Claims, foreign_user_id
from app.layers.authentication.principal import NotTheIssuerError
from app.layers.authentication.provisioning import make_known
from app.layers.authorization import policies
from app.main import create_app
from app.settings import InvalidSettingsError, load_settings
from app.start import refusals
from tests.in_process import client_of, make_settings, running, signing_key_pem
from tests.layers.small_app import logged_by
from tests.layers.test_authentication_key_set import Issuer
from tests.tokens import ring_for

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings

ME = "/api/v1/accounts/me"
ISSUER = "https://login.example.com"
ELSEWHERE = {
    "AUTHENTICATION__ISSUER": ISSUER,
    "AUTHENTICATION__JWKS_URL": f"{ISSUER}/keys",
    "AUTHENTICATION__PRIVATE_KEY": "",
}
OURS = {
    *(f"POST /api/v1/accounts/{name}" for name in ("signup", "login", "refresh", "logout")),
    *(f"POST /api/v1/accounts/{name}" for name in ("logout-everywhere", "change-password")),
    "GET /.well-known/jwks.json",
}
_KEY = load_pem_private_key(signing_key_pem(2048).encode(), password=None)


def elsewhere(folder: Path, **changes: str) -> Settings:
    return make_settings(folder, **(ELSEWHERE | changes))


def token(subject: str = "ann", **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "api", "sub": subject, "jti": "1", "iat": now, "exp": now + 60}
    claims |= {"scope": "account admin"} | changes
    return jwt.encode(claims, _KEY, "RS256", {"kid": "a", "typ": "at+jwt"})  # type: ignore[arg-type]


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """An issuer that answers whatever URL the service asks."""
    one = Issuer("a")
    transport = "app.layers.authentication.key_set.httpx.AsyncHTTPTransport"
    monkeypatch.setattr(transport, lambda **_: one)
    return one


def test_what_only_an_issuer_does_is_there_beside_no_other_issuer(tmp_path: Path) -> None:
    own = policies(create_app(make_settings(tmp_path))).keys()
    trusting = policies(create_app(elsewhere(tmp_path))).keys()
    assert own - trusting == OURS
    assert not trusting - own
    assert {f"GET {ME}", "GET /.well-known/oauth-protected-resource"} <= trusting


def test_a_service_that_trusts_another_issuer_has_nothing_to_make_tokens_with() -> None:
    chosen = AuthenticationSettings(jwks_url=f"{ISSUER}/keys")
    opened = open_authentication(chosen)
    with pytest.raises(NotTheIssuerError):
        _ = opened.tokens
    with pytest.raises(NotTheIssuerError):
        _ = opened.keys


def test_a_key_of_our_own_beside_another_issuer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingsError, match="JWKS_URL names another issuer: take PRIVATE_"):
        elsewhere(tmp_path, AUTHENTICATION__PRIVATE_KEY=signing_key_pem())
    without_a_key = {name: ELSEWHERE[name] for name in ELSEWHERE if not name.endswith("_KEY")}
    assert load_settings(without_a_key, env_file=None).authentication.trusts_another_issuer


def test_certificates_that_can_not_be_read_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("empty.pem", "missing.pem", "."):
        path = str(tmp_path / name)
        chosen = AuthenticationSettings(jwks_url=f"{ISSUER}/keys", jwks_ca_file=path)
        with pytest.raises(BadCertificatesError, match="JWKS_CA_FILE"):
            open_authentication(chosen)
    (told,) = refusals(elsewhere(tmp_path, AUTHENTICATION__JWKS_CA_FILE=path))
    assert told.startswith("AUTHENTICATION__JWKS_CA_FILE: no certificates can be read from ")


@pytest.mark.anyio
async def test_the_keys_are_there_when_the_service_starts_and_let_go_when_it_ends(
    tmp_path: Path, issuer: Issuer
) -> None:
    async with running(elsewhere(tmp_path)) as app:
        assert issuer.fetches == 1
        assert app.state.authentication.key_set.is_open
        assert (await client_of(app).get("/readyz")).status_code == 200
    assert issuer.is_closed


@pytest.mark.anyio
async def test_a_service_starts_without_its_issuer_and_says_that_it_is_not_ready(
    tmp_path: Path, issuer: Issuer
) -> None:
    issuer.status = 500
    async with running(elsewhere(tmp_path)) as app, client_of(app) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        answer = await client.get(ME, headers={"Authorization": f"Bearer {token()}"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
        assert (await client.get(ME)).status_code == 401


@pytest.mark.anyio
async def test_our_own_keys_need_no_keeping() -> None:
    ring = ring_for("RS256")
    assert isinstance(ring, KeyRing)
    assert ring.is_open
    async with kept_fresh(ring):
        assert ring.is_open


@pytest.mark.anyio
async def test_a_user_of_the_issuer_is_known_from_the_first_token_on(
    tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logged_by("app.layers.authentication.provisioning", monkeypatch)
    async with running(elsewhere(tmp_path)) as app:
        async with client_of(app, Authorization=f"Bearer {token()}") as client:
            first, second = [(await client.get(ME)).json() for _ in range(2)]
        async with app.state.database.sessions() as database:
            (user,) = await database.scalars(select(User))
    assert first == second
    assert first["id"] == str(foreign_user_id(ISSUER, "ann")) == str(user.id)
    assert (user.email, user.password_hash, user.role) == (None, None, "user")
    assert log == [{"event": "user_created", "user": str(user.id)}]
    assert issuer.fetches == 1


@pytest.mark.anyio
async def test_the_database_says_who_of_them_is_what_and_who_is_out(
    tmp_path: Path, issuer: Issuer
) -> None:
    users = "/api/v1/admin/users"
    async with running(elsewhere(tmp_path)) as app:
        client = client_of(app, Authorization=f"Bearer {token(role='admin')}")
        assert (await client.get(users)).status_code == 403
        for change, status in (({"role": "admin"}, 200), ({"disabled_at": utc_now()}, 401)):
            async with app.state.database.sessions() as database:
                await database.execute(update(User).values(change))
                await database.commit()
            assert (await client.get(users)).status_code == status
        await client.aclose()
    assert issuer.fetches == 1


@pytest.mark.anyio
async def test_a_user_who_was_made_known_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logged_by("app.layers.authentication.provisioning", monkeypatch)
    claims = Claims(uuid.uuid4(), None, "1", frozenset(), 0, 0, 0, "ann")
    async with running(make_settings(tmp_path)) as app:
        for _ in range(2):
            await make_known(app.state.database, claims)
        async with app.state.database.sessions() as database:
            assert len(list(await database.scalars(select(User)))) == 1
    assert len(log) == 1
