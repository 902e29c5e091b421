"""What a client that was refused is told: `WWW-Authenticate`, for every 401 and a 403 for a scope.

RFC 6750 §3 and RFC 9728 §5.1. Who sent no token is told how to get one: where the description of
this resource is, which names the issuer. Who sent one that does not count hears `invalid_token`
and never why: expired, forged, revoked or unknown all look alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import ServiceError
from app.layers.https import host_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import HTTPConnection

METADATA_PATH = "/.well-known/oauth-protected-resource"
"""Of this resource's own description (RFC 9728 §3)."""
_REALM = 'Bearer realm="api"'


class Unauthenticated(ServiceError):
    """401: no valid credentials. One answer whatever was wrong with them (RFC 6750 §3)."""

    status, slug, layer = 401, "unauthenticated", "authentication"

    def __init__(
        self, detail: str = "A valid access token is needed.", *, challenge: str = _REALM
    ) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


def resource_url(request: HTTPConnection) -> str | None:
    """Return the URL that this service has for its client, or None when it used no name of ours.

    The name is held against the allowed ones here too: what a client wrote must not come back as
    the place where it finds its issuer.
    """
    authority = host_of(request.scope, request.app.state.settings.https.allowed_hosts)
    return None if authority is None else f"https://{authority}"


def _challenge(request: HTTPConnection, *parameters: str) -> str:
    url = resource_url(request)
    pointer = () if url is None else (f'resource_metadata="{url}{METADATA_PATH}"',)
    return ", ".join((_REALM, *pointer, *parameters))


def unauthenticated(request: HTTPConnection) -> Unauthenticated:
    """Return the 401 for this request, whatever is wrong with its token."""
    values = request.headers.getlist("authorization")
    sent_one = any(value[:6].lower() == "bearer" for value in values)
    # RFC 6750 §3.1: whoever sent no token at all is told of no error.
    error = ('error="invalid_token"',) if sent_one else ()
    return Unauthenticated(challenge=_challenge(request, *error))


def insufficient_scope(request: HTTPConnection, scopes: Iterable[str]) -> str:
    """Return the challenge of a 403 for a token that is good, for less than these scopes."""
    needed = " ".join(sorted(scopes))
    return _challenge(request, 'error="insufficient_scope"', f'scope="{needed}"')
