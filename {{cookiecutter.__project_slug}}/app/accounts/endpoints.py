"""`/api/v1/accounts` and `/api/v1/admin/users`."""

from __future__ import annotations

from fastapi import Request

from app.accounts import devices, refreshing, service
from app.accounts.access import MyAccount
from app.accounts.schemas import (
    Account,
    AccountForAdmin,
    Login,
    LoginTokens,
    PasswordChange,
    ProfileChange,
    Refresh,
    Signup,
    Tokens,
)
from app.accounts.sessions import Issuer
from app.database import DatabaseSession
from app.docs.problems import refuses
from app.errors import Conflict, NotFound
from app.layers import bots
from app.layers.authentication import Unauthenticated
from app.layers.authorization import AdminUser, CurrentUser, Public
from app.layers.bots.local.behaviour import watch_login
from app.layers.rate_limits import limit_account, limiter, setting
from app.layers.validation import Router
from app.pagination import Cursor, Page, PageSize

router = Router(prefix="/api/v1/accounts", tags=["accounts"])
issuer_router = Router(prefix="/api/v1/accounts", tags=["accounts"])
"""What only whoever issues the tokens can do. Not there when another issuer does."""
admin_router = Router(prefix="/api/v1/admin", tags=["admin"])


def _issuer(request: Request) -> Issuer:
    state = request.app.state
    return Issuer(state.authentication, state.sessions, state.scopes)


@issuer_router.post("/signup", status_code=201, responses=refuses(Conflict))
@bots.allow(bots.Category.HTTP_LIBRARY)
@limiter.limit(setting("signup"))
async def sign_up(
    request: Request, wanted: Signup, database: DatabaseSession, access: Public
) -> Account:
    """Sign up: make an account."""
    del access
    passwords = request.app.state.authentication.passwords
    async with passwords.turn():
        user = await service.sign_up(database, passwords, wanted)
    return Account.model_validate(user)


@issuer_router.post("/login", responses=refuses(Unauthenticated))
@bots.allow(bots.Category.HTTP_LIBRARY)
@limiter.limit(setting("login"))
async def log_in(
    request: Request, given: Login, database: DatabaseSession, access: Public
) -> LoginTokens:
    """Log in: return an access token, and a refresh token for the next one."""
    del access
    issuer = _issuer(request)
    device = await devices.known_device(database, issuer, given.email, given.device_token)
    turn = issuer.authentication.passwords.turn()
    watch = watch_login(request, given.email, failure=Unauthenticated)
    limit = limit_account(request, given.email, failure=Unauthenticated, device=device)
    async with watch, limit, turn:
        return await service.log_in(database, issuer, given, device)


@issuer_router.post("/refresh", responses=refuses(Unauthenticated))
@bots.allow(bots.Category.HTTP_LIBRARY)
@limiter.limit(setting("refresh"))
async def refresh(
    request: Request, given: Refresh, database: DatabaseSession, access: Public
) -> Tokens:
    """Trade a refresh token for new tokens. Repeated at once, it gives the same refresh token."""
    del access
    return await refreshing.refresh(database, _issuer(request), given.refresh_token)


@issuer_router.post("/logout", status_code=204)
async def log_out(request: Request, database: DatabaseSession, access: CurrentUser) -> None:
    """Log out: end this session."""
    await service.log_out(database, _issuer(request), access)


@issuer_router.post("/logout-everywhere", status_code=204)
async def log_out_everywhere(
    request: Request, database: DatabaseSession, access: MyAccount
) -> None:
    """Log out everywhere: end all my sessions, this one too."""
    await service.log_out_everywhere(database, _issuer(request), access)


@issuer_router.post(
    "/change-password", responses=refuses(service.WrongPassword, NotFound, Conflict)
)
@limiter.limit(setting("login"))
async def change_password(
    request: Request, change: PasswordChange, database: DatabaseSession, access: MyAccount
) -> LoginTokens:
    """Change my password: end all my sessions, and return the tokens of a new one."""
    account = await service.get_account(database, access)
    name = account.email or str(account.id)
    # A stolen access token must not buy more guesses at the password than a login does.
    async with limit_account(request, name, failure=service.WrongPassword):
        return await service.change_password(database, _issuer(request), access, change)


@router.get("/me", responses=refuses(NotFound))
async def get_me(database: DatabaseSession, access: MyAccount) -> Account:
    """Return my account."""
    return Account.model_validate(await service.get_account(database, access))


@router.patch("/me", responses=refuses(NotFound, Conflict))
async def change_me(change: ProfileChange, database: DatabaseSession, access: MyAccount) -> Account:
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
