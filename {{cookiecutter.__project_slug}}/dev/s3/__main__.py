"""`python -m dev.s3 --port 9000 --bucket files`: starts the embedded S3 on a loopback address.

The keys that requests must be signed with come from `UPLOADS__ACCESS_KEY_ID` and
`UPLOADS__SECRET_ACCESS_KEY`, the names under which the service reads them too. SIGTERM and SIGINT
let the requests in hand finish.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from dev.s3.gate import Gate
from dev.s3.incoming import MAX_BODY_BYTES
from dev.s3.signature import Keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from _typeshed.wsgi import WSGIApplication

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class _Handler(WSGIRequestHandler):
    timeout = 5
    """Seconds a connection may stay silent; it bounds how long a stop can take, too."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: a request line holds presigned signatures."""


class _Server(ThreadedWSGIServer):
    daemon_threads = False
    block_on_close = True


def _loopback(text: str) -> str:
    try:
        is_loopback = ipaddress.ip_address(text).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        message = f"{text} is not a loopback address; the embedded S3 is for this machine only"
        raise argparse.ArgumentTypeError(message)
    return text


def _bucket(text: str) -> str:
    if _BUCKET.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text} is no valid bucket name")
    return text


def _open_moto(buckets: Iterable[str], region: str) -> WSGIApplication:
    """Return moto's S3 with these buckets, all of it in memory."""
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    # Above this size moto would spool objects to the local disk.
    os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(MAX_BODY_BYTES)
    # Read when imported, so only now.
    from moto.core.models import DEFAULT_ACCOUNT_ID  # noqa: PLC0415
    from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415
    from moto.s3.models import s3_backends  # noqa: PLC0415

    for name in buckets:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(name, region)
    app: WSGIApplication = create_backend_app("s3")
    return app


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.s3", description=__doc__.splitlines()[0])
    parser.add_argument("--host", type=_loopback, default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bucket", type=_bucket, action="append", required=True)
    parser.add_argument("--region", default=os.environ.get("UPLOADS__REGION", "us-east-1"))
    return parser.parse_args()


def _stop(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    sys.exit(0)


def main() -> None:
    """Serve until told to stop."""
    arguments: Any = _arguments()
    names = ("UPLOADS__ACCESS_KEY_ID", "UPLOADS__SECRET_ACCESS_KEY")
    if missing := [name for name in names if not os.environ.get(name)]:
        sys.exit(f"dev.s3: set {' and '.join(missing)} in the environment")
    keys = Keys(os.environ[names[0]], arguments.region, os.environ[names[1]])
    gate = Gate(_open_moto(arguments.bucket, arguments.region), keys, frozenset(arguments.bucket))
    server = _Server(arguments.host, arguments.port, gate, _Handler)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    print(f"S3 is ready on http://{arguments.host}:{arguments.port}", flush=True)
    # Leaving serve_forever closes the server, which waits for the requests in hand.
    server.serve_forever()


if __name__ == "__main__":
    main()
