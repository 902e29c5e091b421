"""Who gets what from the routes that are there for everybody."""

from __future__ import annotations

from app.layers.authorization import Anyone
from tests.access_table import Row

ALL = (200, 200, 200, 200, 200, 200)

ROWS = tuple(
    Row(route, Anyone(), ALL)
    for route in (
        "GET /healthz",
        "GET /readyz",
        "GET /.well-known/jwks.json",
        "GET /.well-known/oauth-protected-resource",
        "GET /docs",
        "HEAD /docs",
        "GET /docs/{page}",
        "HEAD /docs/{page}",
        "GET /openapi.json",
        "HEAD /openapi.json",
    )
)
