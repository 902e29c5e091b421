"""`/healthz` and `/readyz`."""

from __future__ import annotations

from typing import Literal

from fastapi import Request
from pydantic import BaseModel

from app.errors import Unavailable
from app.layers import bots
from app.layers.authorization import Public
from app.layers.validation import Router

router = Router(tags=["health"])


class Health(BaseModel):
    """The service is well."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
@bots.allow(bots.Category.HTTP_LIBRARY)
async def healthz(access: Public) -> Health:
    """Say whether the service runs."""
    # Nothing else is asked: a dead database is no reason to kill the process.
    del access
    return Health()


@router.get("/readyz")
@bots.allow(bots.Category.HTTP_LIBRARY)
async def readyz(request: Request, access: Public) -> Health:
    """Say whether the service can do its work at present; 503 if not."""
    # Not why: that is for the log, and not for strangers.
    del access
    if not await request.app.state.readiness.is_ready():
        raise Unavailable("The service is not ready.")
    return Health()
