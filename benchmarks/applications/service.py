"""The whole service: `python -m benchmarks.applications.service FOLDER PORT [NAME=VALUE …]`.

nginx, gunicorn with its workers, Redis and the object store, as `make run` starts them, with rate
limits that a visitor does not reach. Settings given go over ours; one without a value is taken
away. The authority that its certificate comes from is put into `FOLDER/ca.pem`.
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


def main(folder: Path, port: int, given: dict[str, str]) -> None:
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
        **given,
    }
    settings = {name: value for name, value in settings.items() if value}
    service = Service(
        run=folder / "run", certificates=certificates, settings=settings, ports=Ports(https=port)
    )
    with serve(service):
        signal.pause()


if __name__ == "__main__":
    # So that being terminated unwinds the stack, and no server outlives us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    main(Path(sys.argv[1]), int(sys.argv[2]), dict(one.split("=", 1) for one in sys.argv[3:]))
