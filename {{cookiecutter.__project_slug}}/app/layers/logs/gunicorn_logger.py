"""What gunicorn logs through: its lines from the first one on, and what it prints, are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from app.layers.logs.capture import configure_logging
from app.layers.logs.streams import adopt_streams

if TYPE_CHECKING:
    from gunicorn.config import Config  # type: ignore[import-untyped]


class GunicornLogger(Logger):  # type: ignore[misc]
    """`logger_class = "app.layers.logs.gunicorn_logger.GunicornLogger"`.

    gunicorn's own settings of logs (`accesslog`, `errorlog`, `loglevel`, `syslog`) have no effect:
    `LOGS__*` are the settings, for the configuration file to hand to `configure_logging`.
    """

    def setup(self, cfg: Config) -> None:
        """Take over; runs at start and again on each reload of the configuration."""
        self.cfg = cfg
        self._access_log_enabled = False
        configure_logging()
        adopt_streams()
        # UvicornWorker copies these into uvicorn's loggers, which must not drop below ours.
        self.error_log.setLevel(self.error_log.parent.getEffectiveLevel())
