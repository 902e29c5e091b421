"""The one way to stdout that every line takes, whoever wrote it.

Security events and access lines come here directly, not through loguru: nobody's
`logger.remove()` or `logger.disable()` can silence them, and a record of loguru costs 12 µs more
(measured: the frame it inspects, the fields of its record, the lock). One `write` to the
descriptor is one line: nothing is buffered in the process, so that a crash loses nothing.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.layers.logs.lines import error_fields, render
from app.layers.logs.settings import LogsSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.layers.logs.events import Level

STDOUT = 1
_LEVEL_NAMES = {
    "DEBUG": "debug",
    "INFO": "info",
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "critical",
}


class Pipeline:
    """Renders records and writes them. A line that can't be written is counted, never raised."""

    def __init__(self, descriptor: int = STDOUT) -> None:
        self.descriptor = descriptor
        self.settings = LogsSettings()
        self.is_configured = False
        self.lost = 0
        """Lines that could not be rendered or written since the process began."""
        self._is_broken = False

    def write(
        self,
        level: Level,
        known: Mapping[str, Any],
        fields: Mapping[str, Any],
        error: BaseException | None = None,
    ) -> None:
        """Write one line.

        Args:
            level: how loud.
            known: what the service itself made or checked, by its names in the line.
            fields: everything else, redacted before it is written.
            error: what caused it.
        """
        try:
            known = {
                "log.level": _LEVEL_NAMES[level],
                **known,
                "service.name": self.settings.service_name,
                "process.pid": os.getpid(),
                "ecs.version": "8.17.0",
            }
            if error is not None:
                fields = {**fields, **error_fields(error)}
            self._send(render(datetime.now(UTC), known, fields))
        except Exception:  # noqa: BLE001 -- a request must not fail because its log line did
            self.lost += 1

    def _send(self, line: bytes) -> None:
        if self._is_broken:
            line = b"\n" + line  # the last one was written in part: it must not spoil this one
        sent = 0
        try:
            while sent < len(line):
                sent += os.write(self.descriptor, line[sent:] if sent else line)
        finally:
            self._is_broken = 0 < sent < len(line) or (self._is_broken and sent == 0)


pipeline = Pipeline()
"""The process's own."""
