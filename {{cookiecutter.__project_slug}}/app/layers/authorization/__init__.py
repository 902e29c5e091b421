"""Layer 8, authorization: what the one who asks may do.

Stops: endpoints that somebody forgot to protect (a route whose signature says nothing about access
keeps the service from starting), functions of another role, and tokens whose scope is too small
(403), objects of another user (404, as if they were not there: whoever writes a query, it is scoped
to the principal before it reaches the database).
Does not stop: what a user may do and should not; that is the domain's to say.
When its dependency is down: closed; a policy that fails denies, and so does a query without a
principal.
Standard: OWASP API Security 2023 API1, API3, API5; ASVS 5.0 V8; RFC 6750 §3.1 for scopes.
"""

from __future__ import annotations

from app.layers.authentication import Principal
from app.layers.authorization.access import (
    ADMIN,
    AdminUser,
    Anyone,
    Authenticated,
    CurrentUser,
    Forbidden,
    Public,
    may,
)
from app.layers.authorization.guard import UnscopedQueryError
from app.layers.authorization.owner import Owner
from app.layers.authorization.ownership import Owned
from app.layers.authorization.routes import (
    MissingPolicyError,
    policies,
    require_policies,
    scopes_of,
)

__all__ = [
    "ADMIN",
    "AdminUser",
    "Anyone",
    "Authenticated",
    "CurrentUser",
    "Forbidden",
    "MissingPolicyError",
    "Owned",
    "Owner",
    "Principal",
    "Public",
    "UnscopedQueryError",
    "may",
    "policies",
    "require_policies",
    "scopes_of",
]
