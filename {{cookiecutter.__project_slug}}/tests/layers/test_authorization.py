"""Layer 8: deny by default, and who may."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from fastapi import APIRouter, FastAPI

from app.layers.authorization import (
    AdminUser,
    Anyone,
    CurrentUser,
    MissingPolicyError,
    Principal,
    Public,
    may,
    policies,
    require_policies,
)
from app.main import create_app
from tests.in_process import make_settings

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ("/docs", "/docs/{name}", "/openapi.json")
"""There in development only, unless set."""
PUBLIC = {
    "GET /healthz",
    "GET /readyz",
    "GET /.well-known/jwks.json",
    "POST /api/v1/accounts/signup",
    "POST /api/v1/accounts/login",
    "POST /api/v1/accounts/refresh",
    *(f"{method} {path}" for method in ("GET", "HEAD") for path in DOCS),
}


def test_these_routes_are_public_and_no_others(tmp_path: Path) -> None:
    found = policies(create_app(make_settings(tmp_path)))
    assert {name for name, policy in found.items() if isinstance(policy, Anyone)} == PUBLIC


def test_administrators_routes_ask_for_an_administrator(tmp_path: Path) -> None:
    found = policies(create_app(make_settings(tmp_path)))
    admin = {name: policy for name, policy in found.items() if "/admin/" in name}
    assert admin
    assert all(getattr(policy, "role", None) == "admin" for policy in admin.values())


def test_a_route_without_a_policy_stops_the_start() -> None:
    app, router = FastAPI(openapi_url=None), APIRouter(prefix="/forgotten")

    @router.get("/{number}")
    async def forgotten(number: int) -> int:
        return number

    app.include_router(router)
    with pytest.raises(MissingPolicyError, match=r"GET /forgotten/\{number\}"):
        require_policies(app)


def test_a_mounted_application_without_a_policy_stops_the_start() -> None:
    app = FastAPI(openapi_url=None)
    app.mount("/inner", FastAPI())
    with pytest.raises(MissingPolicyError, match="/inner"):
        require_policies(app)


def test_a_route_with_a_policy_starts() -> None:
    app, router = FastAPI(openapi_url=None), APIRouter()

    @router.get("/a")
    async def everyone(access: Public) -> None:
        del access

    @router.get("/b")
    async def users(access: CurrentUser) -> None:
        del access

    @router.get("/c")
    async def administrators(access: AdminUser) -> None:
        del access

    app.include_router(router)
    require_policies(app)
    assert None not in policies(app).values()
    assert len(policies(app)) == 3


@pytest.mark.parametrize(
    ("role", "needed", "verdict"),
    [
        ("user", None, True),
        ("admin", None, True),
        ("admin", "admin", True),
        ("user", "admin", False),
        ("administrator", "admin", False),
        ("admin user", "admin", False),
        ("", "admin", False),
    ],
)
def test_a_role_is_compared_whole(role: str, needed: str | None, *, verdict: bool) -> None:
    assert may(Principal(uuid.uuid4(), uuid.uuid4(), role), needed) is verdict
