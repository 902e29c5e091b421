"""What the service does: one line a domain. Your own go here; the samples can go.

`make remove-samples` removes the lines marked as samples, their packages and their tests.
"""

from __future__ import annotations

from app.accounts.endpoints import admin_router
from app.accounts.endpoints import router as accounts_router
from app.files.endpoints import router as files_router  # sample
from app.health.endpoints import router as health_router
from app.notes.endpoints import router as notes_router  # sample

ROUTERS = (
    health_router,
    accounts_router,
    admin_router,
    notes_router,  # sample
    files_router,  # sample
)
