"""Who gets what from accounts, and from what administrators do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.layers.authorization import ADMIN, Anyone, Authenticated
from tests.access_table import Row
from tests.in_process import PASSWORD

if TYPE_CHECKING:
    from tests.access_table import Actor, Made

ACCOUNTS = "/api/v1/accounts"
ACCOUNT = Authenticated(scope="account")


async def make(owner: Actor) -> Made:
    """Return what the owner knows."""
    return {"email": owner.email, "refresh_token": owner.refresh_token}


def credentials(made: Made) -> dict[str, Any]:
    return {"json": {"email": made["email"], "password": PASSWORD}}


def newcomer(made: Made) -> dict[str, Any]:
    return {"json": {"email": f"new-{made['email']}", "password": PASSWORD}}


def refresh_token(made: Made) -> dict[str, Any]:
    return {"json": {"refresh_token": made["refresh_token"]}}


def new_name(_made: Made) -> dict[str, Any]:
    return {"json": {"display_name": "Ada"}}


def new_password(_made: Made) -> dict[str, Any]:
    return {"json": {"current_password": PASSWORD, "new_password": f"{PASSWORD}-too"}}


#        anonymous, user, other, administrator, revoked, narrow
ROWS = (
    Row(f"POST {ACCOUNTS}/signup", Anyone(), (201, 201, 201, 201, 201, 201), newcomer),
    Row(f"POST {ACCOUNTS}/login", Anyone(), (200, 200, 200, 200, 200, 200), credentials),
    Row(f"POST {ACCOUNTS}/refresh", Anyone(), (200, 200, 200, 200, 401, 200), refresh_token),
    Row(f"POST {ACCOUNTS}/logout", Authenticated(), (401, 204, 204, 204, 401, 204)),
    Row(f"POST {ACCOUNTS}/logout-everywhere", ACCOUNT, (401, 204, 204, 204, 401, 403)),
    Row(f"POST {ACCOUNTS}/change-password", ACCOUNT, (401, 200, 200, 200, 401, 403), new_password),
    Row(f"GET {ACCOUNTS}/me", ACCOUNT, (401, 200, 200, 200, 401, 403)),
    Row(f"PATCH {ACCOUNTS}/me", ACCOUNT, (401, 200, 200, 200, 401, 403), new_name),
    Row("GET /api/v1/admin/users", Authenticated(ADMIN, ADMIN), (401, 403, 403, 200, 401, 403)),
)
