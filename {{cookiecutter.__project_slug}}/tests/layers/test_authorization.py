"""Layer 8: deny by default, and which routes ask for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI

from app.layers.authorization import (
    AdminUser,
    Anyone,
    Authenticated,
    CurrentUser,
    MissingPolicyError,
    Public,
    policies,
    require_policies,
    scopes_of,
)
from app.main import create_app
from tests.in_process import make_settings
from tests.layers.small_app import small_app

DOCS = ("/docs", "/docs/{name}", "/openapi.json")
"""There in development only, unless set."""
PUBLIC = {
    "GET /healthz",
    "GET /readyz",
    "GET /.well-known/jwks.json",
    "GET /.well-known/oauth-protected-resource",
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


@pytest.mark.parametrize("prefix", ["", "/inner"])
def test_files_without_a_policy_stop_the_start(prefix: str, tmp_path: Path) -> None:
    """FastAPI lists them nowhere: they are looked for when no route fits."""
    app, router = FastAPI(openapi_url=None), APIRouter(prefix=prefix)
    (router if prefix else app).frontend("/export", directory=tmp_path)
    app.include_router(router)
    with pytest.raises(MissingPolicyError, match="frontend"):
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


def test_the_scopes_of_the_service_are_those_that_its_routes_ask_for(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    asked = {getattr(policy, "scope", None) for policy in policies(app).values()}
    assert scopes_of(app) == asked - {None}
    assert {"account", "admin"} <= scopes_of(app)


def test_what_works_on_everybodys_rows_is_this_and_nothing_else() -> None:
    """The way around scoping is one word, easy to find. Whoever takes it writes it down here."""
    app = Path(__file__).parents[2] / "app"
    found = {
        path.relative_to(app).as_posix()
        for path in app.rglob("*.py")
        if "every_owner" in path.read_text("utf-8")
    }
    assert {name for name in found if not name.startswith("layers/authorization/")} == {
        "migrations/env.py"
    }


def app_with(*dependencies: Any) -> FastAPI:
    """Return an application with one route that demands all of these."""
    app = small_app()

    @app.get("/", dependencies=[Depends(one) for one in dependencies])
    async def done() -> str:
        return "done"

    return app


@pytest.mark.parametrize(
    ("dependencies", "strictest"),
    [
        ([Anyone(), Authenticated()], Authenticated()),
        ([Authenticated(), Authenticated(scope="a")], Authenticated(scope="a")),
        ([Authenticated("admin", "a"), Authenticated(scope="b")], Authenticated("admin", "a")),
    ],
    ids=str,
)
def test_of_several_policies_the_strictest_is_named(
    dependencies: list[Any], strictest: Authenticated
) -> None:
    for order in (dependencies, dependencies[::-1]):
        assert policies(app_with(*order)) == {"GET /": strictest}
    assert scopes_of(app_with(*dependencies)) == {
        one.scope for one in dependencies if getattr(one, "scope", None)
    }
