"""What the service does: one line a domain. Your own go here; the samples can go.

`make remove-samples` removes the lines marked as samples, their packages and their tests.
"""

from __future__ import annotations

from app.accounts.endpoints import admin_router
from app.accounts.endpoints import issuer_router as accounts_issuer_router
from app.accounts.endpoints import router as accounts_router
from app.files.endpoints import router as files_router  # sample
from app.health.endpoints import router as health_router
from app.notes.endpoints import router as notes_router  # sample
from app.well_known.endpoints import issuer_router as well_known_issuer_router
from app.well_known.endpoints import router as well_known_router

ROUTERS = (
    health_router,
    well_known_router,
    accounts_router,
    admin_router,
    notes_router,  # sample
    files_router,  # sample
)

ISSUER_ROUTERS = (accounts_issuer_router, well_known_issuer_router)
"""What is there only where the service makes its own tokens: not beside another issuer."""
