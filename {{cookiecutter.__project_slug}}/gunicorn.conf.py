"""How gunicorn runs the application behind nginx: `gunicorn 'app.main:create_app()'`.

The values that differ between installations are settings (`SERVER__*`); the rest is here, with its
reason. Settings that can't be used end the start with the reasons, one a line.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from app.layers.logs import Event, adopt_streams, configure_logging, log_event

# Before anything else can fail: a crash at start is a line of the log like any other.
configure_logging()
adopt_streams()

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]  # noqa: E402 - see above

from app.checks import log_refusals  # noqa: E402 - see above
from app.protocol import protocol_with  # noqa: E402 - see above
from app.settings import InvalidSettingsError, load_settings  # noqa: E402 - see above

try:
    _settings = load_settings()
except InvalidSettingsError as refused:
    sys.exit(log_refusals(str(refused).splitlines()))
configure_logging(_settings.logs)


class Worker(UvicornWorker):  # type: ignore[misc]  # it ships no types
    """uvicorn with everything off that the edge or a layer does."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": protocol_with(_settings.headers),
        "ws": "none",
        "lifespan": "on",  # an error at start ends the worker instead of being swallowed
        "proxy_headers": False,  # app/layers/https.py alone decides whom to believe
        "server_header": False,
        "access_log": False,  # app/layers/logs writes the line
        # A backstop: its bare 503 has no headers of ours. It counts idle connections too, of which
        # each nginx worker keeps 32 beside the 400 of max_conns (edge/conf.d/upstream.conf). This
        # is above both together, for up to 51 nginx workers.
        "limit_concurrency": 2048,
    }


bind = _settings.server.bind
# For a Unix socket, whose mode is all that guards it: its owner and group may connect, nobody else.
# gunicorn's own default would let every user of the machine in (0777).
umask = 0o117
workers = _settings.server.workers
worker_class = Worker
logger_class = "app.layers.logs.gunicorn_logger.GunicornLogger"

keepalive = 30  # seconds; longer than nginx keeps idle connections (edge/conf.d/upstream.conf)
timeout = 30
graceful_timeout = 15
# A leak in any library stays bounded; the jitter keeps workers from restarting all at once.
max_requests = 100_000
max_requests_jitter = 10_000
# The heartbeat file of a worker: in memory, since a disk may stall.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Not preloaded: a worker opens its own connections, and a bad release fails worker by worker.
preload_app = False
control_socket_disable = True  # a way in that nobody here uses


def on_starting(_arbiter: object) -> None:
    """Build the service once before any worker does, so that what refuses it is said once.

    In a child: the master stays without the service's code, so a reload (HUP) brings new code.
    """
    child = os.fork()
    if child == 0:
        _rehearse()
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(1)


def _rehearse() -> NoReturn:
    """Build the service, log what keeps it from starting, and end this process."""
    status = 1
    try:
        from app.start import refusals  # noqa: PLC0415 - not in the master

        status = log_refusals(refusals(_settings))
    except Exception as error:  # noqa: BLE001 - nothing may get past the end of this process
        log_event(Event.SYS_CRASH, error=error)
    finally:
        os._exit(status)


def post_worker_init(_worker: object) -> None:
    """Keep the garbage collector from what was built before the first request: it stays for good.

    Each full collection walked through all of it, and nobody was answered meanwhile: 72 ms, which
    made the 99th percentile under load 61 ms instead of 12 (measured, 150,000 objects).
    """
    gc.collect()
    gc.freeze()
