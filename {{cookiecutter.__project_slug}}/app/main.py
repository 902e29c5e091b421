"""Builds the service. `create_app()` is what gunicorn calls in every worker."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from app.changes import open_changes
from app.checks import refuse_unsafe
from app.database import open_database
from app.docs.endpoints import router as docs_router
from app.docs.service import open_docs
from app.domains import ISSUER_ROUTERS, ROUTERS
from app.errors import install_error_handlers, last_resort
from app.health.service import Readiness
from app.layers.authentication import kept_fresh, open_authentication, open_sessions
from app.layers.authorization import require_policies, scopes_of
from app.layers.bots import Routes, open_bots
from app.layers.headers import policy
from app.layers.logs import Event, configure_logging, log_event
from app.layers.rate_limits import open_rate_limits
from app.layers.uploads import open_uploads
from app.layers.validation import require_strict_routes
from app.redis import open_redis
from app.settings import Settings, load_settings
from app.stack import build_stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the layers need, in the order in which they depend on each other."""
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        app.state.database = await stack.enter_async_context(open_database(settings.database))
        app.state.redis = await stack.enter_async_context(
            open_redis(settings.redis, lambda: app.state.changes.forget())  # noqa: PLW0108 - later
        )
        app.state.changes = await stack.enter_async_context(open_changes(app.state.redis))
        app.state.rate_limits = await stack.enter_async_context(
            open_rate_limits(
                settings.rate_limits,
                redis=app.state.redis,
                changes=app.state.changes,
                workers=settings.server.workers,
            )
        )
        app.state.bots = await stack.enter_async_context(
            open_bots(settings.bots, redis=app.state.redis)
        )
        app.state.behaviour = app.state.bots.behaviour
        app.state.authentication = open_authentication(settings.authentication)
        await stack.enter_async_context(kept_fresh(app.state.authentication.key_set))
        app.state.sessions = await stack.enter_async_context(
            open_sessions(settings.authentication, app.state.database, app.state.changes)
        )
        app.state.uploads = await stack.enter_async_context(open_uploads(settings.uploads))
        app.state.readiness = Readiness(
            app.state.database, app.state.redis, app.state.authentication.key_set
        )
        log_event(Event.SYS_STARTUP, environment=settings.environment)
        yield
        log_event(Event.SYS_SHUTDOWN)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service, all layers mounted.

    Raises:
        InvalidSettingsError: the environment holds an unknown name or a bad value.
        UnsafeConfigurationError: production with a finding of `checks.py`.
        MissingPolicyError: a route whose signature says nothing about who may use it.
    """
    settings = settings if settings is not None else load_settings()
    configure_logging(settings.logs)
    refuse_unsafe(settings)
    app = FastAPI(
        title=settings.logs.service_name,
        version="v1",  # of the API, as in its paths
        openapi_url=None,  # `app/docs` serves the document, and a page for it
        middleware=build_stack(settings),
        lifespan=_lifespan,
        # No max_body_size: it would answer from outside the stack, in plain text, without headers.
        # Validation bounds JSON, uploads bound files, and nginx bounds everything.
        redirect_slashes=False,
    )
    app.state.settings = settings
    install_error_handlers(app)
    app.add_exception_handler(Exception, last_resort(policy(settings.headers)))
    is_issuer = not settings.authentication.trusts_another_issuer
    for router in (*ROUTERS, *(ISSUER_ROUTERS if is_issuer else ())):
        app.include_router(router)
    if settings.serves_docs:
        app.include_router(docs_router)
        app.state.docs = open_docs(app)
    require_strict_routes(app)
    require_policies(app)
    app.state.bot_routes = Routes(app)
    app.state.scopes = scopes_of(app)
    return app
