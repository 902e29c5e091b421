"""Another issuer: a process of its own with keys, which rotates, lies, stalls and dies when told.

`python -m tests.issuer FOLDER PORT` serves `FOLDER/keys.json` over TLS. What it does instead is the
word in `FOLDER/behaviour`; each request leaves a line in `FOLDER/requests`. The tests' side is
`Issuer`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import ssl
import sys
import time
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from app.layers.authentication.keys import required_members
from dev.certificates import CertificateFiles, ensure_certificates
from dev.files import write_private
from dev.runner import HOST, Process, Running, free_port, running
from tests.forgery import base64url, status_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack

ROOT = Path(__file__).resolve().parent.parent
PATH = "/keys"
SECRET = secrets.token_bytes(32)
"""A symmetric key that the trusted issuer publishes."""
WORKERS = 2
ENOUGH = 12
"""Requests that reach every worker."""


@cache
def key_named(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a private key, the same for the same name in the whole run."""
    del name
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def jwk_of(kid: str, key: rsa.RSAPrivateKey, **beside: Any) -> dict[str, Any]:
    """Return the public half as an issuer publishes it."""
    return {
        "kid": kid,
        "use": "sig",
        "alg": "RS256",
        **required_members(key.public_key()),
        **beside,
    }


class Issuer:
    """The other issuer as a test sees it."""

    def __init__(self, folder: Path, certificates: CertificateFiles) -> None:
        self._folder = folder
        self._processes = ExitStack()
        self._process: Running | None = None
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.ca_file = certificates.authority
        write_private(folder / "certificate.pem", certificates.certificate.read_bytes())
        write_private(folder / "certificate.key", certificates.key.read_bytes())
        self.behave("well")

    @property
    def jwks_url(self) -> str:
        """Where its keys are."""
        return self.url + PATH

    @property
    def fetches(self) -> int:
        """How often it was asked for anything."""
        path = self._folder / "requests"
        return len(path.read_text("ascii").split()) if path.exists() else 0

    def publish(self, *jwks: dict[str, Any]) -> None:
        """Publish these keys from the next request on."""
        write_private(self._folder / "keys.json", json.dumps({"keys": jwks}).encode(), replace=True)

    def behave(self, behaviour: str) -> None:
        """From the next request on: `well`, `stall`,
        `redirect:URL`, or one of `MISBEHAVIOURS`."""
        write_private(self._folder / "behaviour", behaviour.encode(), replace=True)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        process = Process(
            name="issuer",
            command=(sys.executable, "-m", "tests.issuer", str(self._folder), str(self.port)),
            ready=f"tcp://{HOST}:{self.port}",
            environment={"PYTHONPATH": str(ROOT)},
            folder=self._folder,
        )
        (self._process,) = self._processes.enter_context(running((process,), self._folder))
        self._process.wait_until_ready()

    def die(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        self._processes.close()

    def token(
        self,
        kid: str = "first",
        key: rsa.RSAPrivateKey | str | None = None,
        headers: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """Return an access token as this issuer makes it, but for these; `None` takes one away."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "api",
            "sub": "somebody",
            "jti": secrets.token_hex(8),
            "iat": now,
            "exp": now + 300,
            "scope": "account notes:read notes:write",
        } | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        protected = {"kid": kid, "typ": "at+jwt", "alg": "RS256"} | (headers or {})
        signer = key if key is not None else key_named(kid)
        return jwt.encode(kept, signer, algorithm=protected["alg"], headers=protected)


@contextmanager
def running_issuer(folder: Path) -> Iterator[Issuer]:
    """Run another issuer with one key, `first`; its certificate is from a CA of its own."""
    certificates = ensure_certificates(folder / "certificates")
    issuer = Issuer(folder, certificates)
    issuer.publish(jwk_of("first", key_named("first")))
    issuer.start()
    try:
        yield issuer
    finally:
        issuer.die()


def good_and_bad_keys() -> list[dict[str, Any]]:
    """Return what the trusted issuer publishes: two good keys, and each kind that is bad."""
    private = key_named("private").private_numbers()
    leaked = private.d.to_bytes((private.d.bit_length() + 7) // 8, "big")
    return [
        jwk_of("first", key_named("first")),
        jwk_of("other", key_named("other")),
        jwk_of("weak", key_named("weak", 1024)),
        jwk_of("encryption", key_named("encryption"), use="enc"),
        jwk_of("padding", key_named("padding"), alg="PS256"),
        jwk_of("private", key_named("private"), d=base64url(leaked)),
        jwk_of("twice", key_named("twice")),
        jwk_of("twice", key_named("twice again")),
        {"kid": "secret", "kty": "oct", "alg": "HS256", "k": base64url(SECRET)},
    ]


_BEGIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MISBEHAVIOURS: dict[str, tuple[bytes, bytes, float]] = {
    "drip": (_BEGIN + b"\r\n", b" ", 0.02),
    "endless": (_BEGIN + b"\r\n", b" " * 65_536, 0),
    "endless headers": (_BEGIN, b"X-More: " + b"x" * 8_000 + b"\r\n", 0),
    "endless interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0),
    "half": (_BEGIN + b"Content-Length: 5000\r\n\r\n", b"", 0),
    "no HTTP": (b"220 mail.example ESMTP\r\n", b"", 0),
    "nothing": (b"", b"", 0),
}
"""What comes first, what comes again and again, and seconds between."""
IGNORED = {"weak", "encryption", "padding", "private", "twice", "secret"}
"""The names of the bad ones."""


def trust_in(issuer: Issuer) -> dict[str, str]:
    """Return the settings of a service that trusts this issuer."""
    return {
        "AUTHENTICATION__ISSUER": issuer.url,
        "AUTHENTICATION__JWKS_URL": issuer.jwks_url,
        "AUTHENTICATION__JWKS_CA_FILE": str(issuer.ca_file),
    }


def statuses(stack: Stack, token: str, count: int = ENOUGH) -> set[int]:
    """Return the answers of all workers to this token."""
    return {status_with(stack, token) for _ in range(count)}


class _Server:
    """The process's side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, or do something else."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            with (self._folder / "requests").open("ab") as log:
                log.write(head.split(b" ")[1] + b"\n")
            await self._behave(writer, (self._folder / "behaviour").read_text("ascii"))
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            writer.close()  # nobody is there any more

    async def _behave(self, writer: asyncio.StreamWriter, behaviour: str) -> None:
        if behaviour == "stall":
            await asyncio.Event().wait()
        if behaviour.startswith("redirect:"):
            place = behaviour.partition(":")[2]
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\n\r\n".encode())
            return
        body = (self._folder / "keys.json").read_bytes()
        if behaviour in MISBEHAVIOURS:
            begin, again, pause = MISBEHAVIOURS[behaviour]
            writer.write(begin + (body[:100] if behaviour == "half" else b""))
            while again:
                writer.write(again)
                await writer.drain()
                await asyncio.sleep(pause)
            return
        length = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(length.encode() + body)
        await writer.drain()


async def _serve(folder: Path, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "certificate.key")
    server = await asyncio.start_server(_Server(folder).answer, HOST, port, ssl=context)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    async with server:
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
