"""Layer 8, authorization. It is mounted as the dependency behind the access types."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

LAYER = "app/layers/authorization.py"

MUTANTS = (
    Mutant(
        "authorization",
        NOT_MOUNTED,
        LAYER,
        "if not may(principal, self.role):",
        "if False:",
    ),
    Mutant(
        "authorization",
        "every user may do what administrators may",
        "app/accounts/endpoints.py",
        "access: AdminUser,",
        "access: CurrentUser,",
    ),
    Mutant(
        "authorization",
        "other people's notes are there",
        "app/notes/service.py",
        "select(Note).where(Note.owner_id == principal.user_id)",
        "select(Note)",
    ),
    Mutant(
        "authorization",
        "a route without a policy starts",
        LAYER,
        "    if missing:\n",
        "    if False:\n",
    ),
)
