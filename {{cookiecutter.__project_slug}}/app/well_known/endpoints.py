"""`/.well-known/oauth-protected-resource`, and `jwks.json` where the tokens are our own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from app.docs.problems import refuses
from app.errors import NotFound
from app.layers import bots
from app.layers.authentication import resource_url
from app.layers.authorization import Public
from app.layers.headers import Relaxation, relax
from app.layers.validation import Router

router = Router(tags=["well-known"])
issuer_router = Router(tags=["well-known"])

CACHED = [Depends(relax(Relaxation.CACHED))]


class ProtectedResource(BaseModel):
    """What this service is to clients of OAuth (RFC 9728 §2).

    `jwks_uri` is not among it: there it means keys that a service signs its answers with.
    """

    resource: str
    authorization_servers: Annotated[list[str], Field(description="Whose tokens count.")]
    scopes_supported: list[str]
    bearer_methods_supported: list[str] = ["header"]


@router.get(
    "/.well-known/oauth-protected-resource", dependencies=CACHED, responses=refuses(NotFound)
)
@bots.allow(bots.Category.HTTP_LIBRARY)
async def describe_resource(request: Request, access: Public) -> ProtectedResource:
    """Say whose tokens count here, and for what (RFC 9728)."""
    del access
    url = resource_url(request)
    if url is None:
        raise NotFound("There is nothing here.")
    return ProtectedResource(
        resource=url,
        authorization_servers=[request.app.state.settings.authentication.issuer],
        scopes_supported=sorted(request.app.state.scopes),
    )


@issuer_router.get("/.well-known/jwks.json", dependencies=CACHED)
@bots.allow(bots.Category.HTTP_LIBRARY)
async def jwks(request: Request, access: Public) -> dict[str, list[Any]]:
    """Return the public keys that verify our access tokens (RFC 7517)."""
    del access
    return {"keys": request.app.state.authentication.keys.published}
