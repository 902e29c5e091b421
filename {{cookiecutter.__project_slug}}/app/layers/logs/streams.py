"""Turns what is printed into lines: a server's or a library's `print` must not break the format."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, TextIO

from app.layers.logs.pipeline import pipeline

if TYPE_CHECKING:
    from app.layers.logs.events import Level

_MAX_PENDING = 8192  # characters of a line that nobody ends


class LineStream(io.TextIOBase):
    """A text stream that writes each line it is given as a record.

    Args:
        name: of the stream that it replaces, for `log.logger`.
        level: of its records.
        replaced: lends its descriptor to those who ask for one, such as `faulthandler`.
    """

    def __init__(self, name: str, level: Level, replaced: TextIO | None) -> None:
        super().__init__()
        self._name = name
        self._level: Level = level
        self._replaced = replaced
        self._pending = ""

    def writable(self) -> bool:
        """Return that it is for writing."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the stream that it replaced.

        Raises:
            OSError: that one has none.
        """
        if self._replaced is None:
            raise io.UnsupportedOperation("fileno")
        return self._replaced.fileno()

    def write(self, text: str) -> int:
        """Write the lines that are complete; keep the rest for the next call."""
        *lines, self._pending = (self._pending + text).split("\n")
        if len(self._pending) > _MAX_PENDING:
            lines.append(self._pending)
            self._pending = ""
        for line in lines:
            self._emit(line)
        return len(text)

    def flush(self) -> None:
        """Write what stands without a line break, too."""
        line, self._pending = self._pending, ""
        self._emit(line)

    def _emit(self, line: str) -> None:
        if line.strip():
            pipeline.write(self._level, {"log.logger": self._name}, {"message": line.rstrip()})


def adopt_streams() -> None:
    """Replace `sys.stdout` and `sys.stderr`; for processes that are nobody's terminal.

    What the interpreter itself or a C library writes to descriptor 2 when it dies is not Python's
    to catch and stays as it is.
    """
    if not isinstance(sys.stdout, LineStream):
        sys.stdout = LineStream("stdout", "INFO", sys.stdout)
    if not isinstance(sys.stderr, LineStream):
        sys.stderr = LineStream("stderr", "ERROR", sys.stderr)
