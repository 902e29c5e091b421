"""The whole service, for the siege: `python -m benchmarks.applications.service FOLDER PORT`.

nginx, gunicorn with its workers, Redis and the object store, as `make run` starts them, with rate
limits that the visitor does not reach. The authority that its certificate comes from is put into
`FOLDER/ca.pem`.
"""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

from dev.bootstrap import make_signing_key, storage_credentials
from dev.certificates import ensure_certificates
from dev.files import write_private
from dev.processes import Ports, Service, serve


def main(folder: Path, port: int) -> None:
    """Run the service until we are terminated."""
    key = folder / "token-signing.pem"
    write_private(key, make_signing_key())
    certificates = ensure_certificates(folder / "certificates")
    shutil.copyfile(certificates.authority, folder / "ca.pem")
    settings = {
        "ENVIRONMENT": "development",
        "SERVER__WORKERS": "2",
        "DATABASE__URL": f"sqlite+aiosqlite:///{folder / 'service.db'}",
        "AUTHENTICATION__PRIVATE_KEY_FILE": str(key),
        "RATE_LIMITS__PER_CLIENT": "1000000/day",
        **storage_credentials(),
    }
    service = Service(
        run=folder / "run", certificates=certificates, settings=settings, ports=Ports(https=port)
    )
    with serve(service):
        signal.pause()


if __name__ == "__main__":
    # So that being terminated unwinds the stack, and no server outlives us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    main(Path(sys.argv[1]), int(sys.argv[2]))
