"""An issuer: `python -m benchmarks.applications.issuer PORT FILE ISSUER COUNT`.

It serves the public half of its key as a JWK Set at `/jwks.json`, after it has written tokens into
the file, as JSON: a valid one, and so many that name keys nobody has ever published.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "api"
SCOPES = "account notes:read notes:write files:read files:write"
LIFE_SECONDS = 3600
BITS = 3072
KID = "known"


def token(key: rsa.RSAPrivateKey, issuer: str, kid: str) -> str:
    """Return an access token (RFC 9068) of a user of this issuer."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "reader",
        "client_id": "benchmarks",
        "jti": uuid.uuid4().hex,
        "iat": now,
        "nbf": now,
        "exp": now + LIFE_SECONDS,
        "scope": SCOPES,
    }
    headers = {"kid": kid, "typ": "at+jwt"}
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def key_set(key: rsa.RSAPrivateKey) -> bytes:
    """Return the JWK Set of this one key."""
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwk |= {"kid": KID, "use": "sig", "alg": "RS256"}
    jwk.pop("key_ops", None)
    return json.dumps({"keys": [jwk]}).encode()


def handler(keys: bytes) -> type[BaseHTTPRequestHandler]:
    """Return what serves these keys."""

    class Handler(BaseHTTPRequestHandler):
        """Gives the keys to anyone."""

        def do_GET(self) -> None:
            """Answer with the keys, or that there is nothing else."""
            is_known = self.path == "/jwks.json"
            body = keys if is_known else b""
            self.send_response(200 if is_known else 404)
            self.send_header("Content-Type", "application/jwk-set+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main(port: int, path: Path, issuer: str, count: int) -> None:
    """Issue the tokens, then serve the keys until we are terminated."""
    ours, foreign = (rsa.generate_private_key(65_537, BITS) for _ in range(2))
    issued = {
        "valid": token(ours, issuer, KID),
        "unknown": [token(foreign, issuer, f"unknown-{number}") for number in range(count)],
    }
    path.write_text(json.dumps(issued), encoding="utf-8")
    ThreadingHTTPServer(("127.0.0.1", port), handler(key_set(ours))).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
