"""What Schemathesis needs to know beside the document: who calls, and what words like `password`
mean. Its program loads this by `SCHEMATHESIS_HOOKS`.
"""

from __future__ import annotations

import os
import secrets
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import schemathesis
from hypothesis import strategies as st

from tests.images import encode

if TYPE_CHECKING:
    from schemathesis import AuthContext, Case

CA_FILE, URL = "SCHEMA_CA_FILE", "SCHEMA_URL"
USER_AGENT, TOKEN = "SCHEMA_USER_AGENT", "SCHEMA_TOKEN"
ASCII = st.characters(codec="ascii")
ACCOUNTS = "/api/v1/accounts"
ENDS = ("/logout", "/logout-everywhere", "/change-password")
PASSWORD = "Correct-horse-7"

schemathesis.openapi.format(
    "password", st.from_regex(r"\A[A-Z][a-z ]{10,30}[0-9]{4}\Z", alphabet=ASCII)
)
# Domains that nobody may register, such as `.test`, are addresses of nobody: they are refused.
schemathesis.openapi.format(
    "email", st.from_regex(r"\A[a-z0-9]{1,20}@[a-z]{3,12}\.(com|org)\Z", alphabet=ASCII)
)
for kind in ("png", "jpeg", "webp"):
    schemathesis.openapi.media_type(f"image/{kind}", st.just(encode(kind)))


def _whose(case: Case[Any], _context: AuthContext) -> str:
    label = str(case.operation.label)
    return label if label.endswith(ENDS) else "administrator"


@schemathesis.auth(cache_by_key=_whose)
class Caller:
    """Who calls: one administrator, so that what was made is found again.

    An operation that ends sessions has an account of its own.
    """

    def get(self, case: Case[Any], _context: AuthContext) -> str:
        """Return an access token."""
        if not str(case.operation.label).endswith(ENDS):
            return os.environ[TOKEN]
        given = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
        with httpx.Client(
            base_url=os.environ[URL],
            verify=ssl.create_default_context(cafile=os.environ[CA_FILE]),
            headers={"User-Agent": os.environ[USER_AGENT]},
            trust_env=False,
        ) as client:
            client.post(f"{ACCOUNTS}/signup", json=given).raise_for_status()
            answer = client.post(f"{ACCOUNTS}/login", json=given).raise_for_status()
        return str(answer.json()["access_token"])

    def set(self, case: Case[Any], data: str, _context: AuthContext) -> None:
        """Put the token on a request."""
        case.headers["Authorization"] = f"Bearer {data}"
