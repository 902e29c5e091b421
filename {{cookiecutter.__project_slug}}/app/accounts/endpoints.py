"""`/api/v1/accounts` and `/api/v1/admin/users`."""

from __future__ import annotations

from fastapi import Request

from app.accounts import service
from app.accounts.schemas import (
    Account,
    AccountForAdmin,
    Login,
    ProfileChange,
    Refresh,
    Signup,
    Tokens,
)
from app.database import DatabaseSession
from app.layers.authentication import Authentication, Unauthenticated
from app.layers.authorization import AdminUser, CurrentUser, Public
from app.layers.rate_limits import limit_account, limiter, setting
from app.layers.validation import Router
from app.pagination import Cursor, Page, PageSize

router = Router(prefix="/api/v1/accounts", tags=["accounts"])
admin_router = Router(prefix="/api/v1/admin", tags=["admin"])


def _authentication(request: Request) -> Authentication:
    authentication: Authentication = request.app.state.authentication
    return authentication


@router.post("/signup", status_code=201)
@limiter.limit(setting("signup"))
async def sign_up(
    request: Request, wanted: Signup, database: DatabaseSession, access: Public
) -> Account:
    """Sign up: make an account."""
    del access
    user = await service.sign_up(database, _authentication(request), wanted)
    return Account.model_validate(user)


@router.post("/login")
@limiter.limit(setting("login"))
async def log_in(
    request: Request, given: Login, database: DatabaseSession, access: Public
) -> Tokens:
    """Log in: return an access token, and a refresh token for the next one."""
    del access
    async with limit_account(request, given.email, failure=Unauthenticated):
        return await service.log_in(database, _authentication(request), given)


@router.post("/refresh")
@limiter.limit(setting("refresh"))
async def refresh(
    request: Request, given: Refresh, database: DatabaseSession, access: Public
) -> Tokens:
    """Trade a refresh token for new tokens."""
    del access
    return await service.refresh(database, _authentication(request), given.refresh_token)


@router.post("/logout", status_code=204)
async def log_out(database: DatabaseSession, access: CurrentUser) -> None:
    """Log out: end this session."""
    await service.log_out(database, access)


@router.get("/me")
async def get_me(database: DatabaseSession, access: CurrentUser) -> Account:
    """Return my account."""
    return Account.model_validate(await service.get_account(database, access))


@router.patch("/me")
async def change_me(
    change: ProfileChange, database: DatabaseSession, access: CurrentUser
) -> Account:
    """Change my account."""
    return Account.model_validate(await service.change_profile(database, access, change))


@admin_router.get("/users")
async def list_users(
    database: DatabaseSession, access: AdminUser, limit: PageSize = 20, cursor: Cursor = None
) -> Page[AccountForAdmin]:
    """Return all accounts, newest first; for administrators."""
    del access
    users, following = await service.list_accounts(database, limit, cursor)
    return Page(
        items=[AccountForAdmin.model_validate(user) for user in users], next_cursor=following
    )
