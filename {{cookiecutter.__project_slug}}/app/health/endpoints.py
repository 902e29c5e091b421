"""`/healthz`, `/readyz` and the public keys."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Depends, Request
from pydantic import BaseModel

from app.errors import Unavailable
from app.layers.authorization import Public
from app.layers.headers import Relaxation, relax
from app.layers.validation import Router

router = Router(tags=["health"])


class Health(BaseModel):
    """That the answer exists is the message."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz(access: Public) -> Health:
    """Whether the process is alive: a dead database is no reason to kill it."""
    del access
    return Health()


@router.get("/readyz")
async def readyz(request: Request, access: Public) -> Health:
    """Whether the service can do its work. Strangers get no detail; the log has it."""
    del access
    if not await request.app.state.readiness.is_ready():
        raise Unavailable("The service is not ready.")
    return Health()


@router.get("/.well-known/jwks.json", dependencies=[Depends(relax(Relaxation.CACHED))])
async def jwks(request: Request, access: Public) -> dict[str, list[Any]]:
    """Return the public half of the key that signs our access tokens (RFC 7517)."""
    del access
    return {"keys": [request.app.state.authentication.key.jwk]}
