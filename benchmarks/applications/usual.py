"""Contestant 2, the usual FastAPI stack: what most tutorials and starter projects put together.

slowapi with its middleware and Redis as its storage, two `BaseHTTPMiddleware`s (security headers;
request id and access log), loguru serializing a line per request, PyJWT verifying an RS256 token on
each call with the key as the PEM text that settings hold. Nothing in it is slowed down on purpose,
and nothing is tuned either.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer
from loguru import logger
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIMiddleware
from slowapi.util import get_remote_address
from starlette.middleware.base import BaseHTTPMiddleware

from benchmarks.applications.answer import ANSWER, Answer

if TYPE_CHECKING:
    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response

ISSUER = "https://issuer.example"
AUDIENCE = "benchmarks"

# 2048 bits is what such stacks have. Ours verifies with 3072, so the comparison favours this one.
_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
PRIVATE_KEY = _KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
PUBLIC_KEY = (
    _KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=()",
    "Cache-Control": "no-store",
}


class SecurityHeadersMiddleware(BaseHTTPMiddleware):
    """Adds the security headers to every answer."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Call the rest, then set each header."""
        response = await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers[name] = value
        return response


class RequestLogMiddleware(BaseHTTPMiddleware):
    """Gives each request an id and writes one JSON line about it."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Call the rest, then log what came of it."""
        request_id = request.headers.get("X-Request-ID") or str(uuid.uuid4())
        started = time.perf_counter()
        with logger.contextualize(request_id=request_id):
            response = await call_next(request)
            logger.info(
                "{method} {path} {status} {duration:.2f} ms",
                method=request.method,
                path=request.url.path,
                status=response.status_code,
                duration=(time.perf_counter() - started) * 1000,
            )
        response.headers["X-Request-ID"] = request_id
        return response


logger.remove()
logger.add(sys.stdout, serialize=True, level="INFO")

limiter = Limiter(
    key_func=get_remote_address,
    default_limits=["1000000000/day"],
    storage_uri=os.environ["BENCH_REDIS_URL"],
    headers_enabled=True,
)

app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type] # as slowapi documents it
app.add_middleware(SlowAPIMiddleware)
app.add_middleware(SecurityHeadersMiddleware)
app.add_middleware(RequestLogMiddleware)

bearer = OAuth2PasswordBearer(tokenUrl="token")


async def get_current_user(token: Annotated[str, Depends(bearer)]) -> str:
    """Return the user of a valid token; answer 401 to any other."""
    try:
        payload = jwt.decode(
            token, PUBLIC_KEY, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED,
            "Could not validate credentials",
            headers={"WWW-Authenticate": "Bearer"},
        ) from error
    return str(payload["sub"])


@app.post("/token")
async def login() -> dict[str, str]:
    """Give the runner its token."""
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(uuid.uuid4()),
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    return {
        "access_token": jwt.encode(claims, PRIVATE_KEY, algorithm="RS256"),
        "token_type": "bearer",
    }


@app.get("/answer")
async def read_answer(user: Annotated[str, Depends(get_current_user)]) -> Answer:
    """Give the answer to a user."""
    del user
    return ANSWER
