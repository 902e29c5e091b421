"""Makes every line of the process one of ours: loguru, the standard library, warnings, crashes."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

from loguru import logger

from app.layers.logs.emit import log_event, request_fields
from app.layers.logs.events import Event, Level
from app.layers.logs.lines import application_fields
from app.layers.logs.pipeline import pipeline
from app.request_context import current

if TYPE_CHECKING:
    from types import TracebackType

    from loguru import Message

    from app.layers.logs.settings import LogsSettings

_STANDARD = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "color_message"})
_SILENT = ("uvicorn.access", "gunicorn.access")  # LogsMiddleware writes that line, redacted


def configure_logging(settings: LogsSettings | None = None) -> None:
    """Make this process write JSON lines to stdout, whatever writes them.

    May be called at any time and any number of times; the last settings given hold. Without
    settings it keeps those that hold already, or the defaults.
    """
    if settings is not None:
        pipeline.settings = settings
    level = pipeline.settings.level
    # backtrace and diagnose print source lines and local values, which hold secrets.
    logger.configure(
        handlers=[
            {
                "sink": _write_loguru,
                "level": level,
                "format": _no_format,
                "backtrace": False,
                "diagnose": False,
            }
        ]
    )
    _take_standard_library(level)
    logging.captureWarnings(capture=True)
    _take_hooks()


def _take_hooks() -> None:
    """Hear of crashes, unless somebody else, such as a test runner, has asked to."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _on_crash
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _on_thread_crash
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _on_unraisable


def _take_standard_library(level: Level) -> None:
    """Leave one handler, at the root, and give it all that any logger writes."""
    for name in list(logging.root.manager.loggerDict):
        library = logging.getLogger(name)
        library.handlers = []  # a new list: the old one may be shared with another logger
        library.propagate = name not in _SILENT
    logging.root.handlers = [StandardLibraryHandler()]
    logging.root.setLevel(level)


class StandardLibraryHandler(logging.Handler):
    """Writes records of `logging`. Past loguru: a finalizer may log while loguru holds its lock."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; one whose arguments don't fit its message is written without them."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 -- arguments are foreign objects
            message = str(record.msg)
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        fields = {
            "message": message.rstrip(),
            "log.logger": record.name,
            **application_fields(extra),
        }
        error = record.exc_info[1] if record.exc_info else None
        known = request_fields(current.get())
        pipeline.write(_nearest_level(record.levelno), known, fields, error)


def _nearest_level(number: int) -> Level:
    if number >= logging.CRITICAL:
        return "CRITICAL"
    if number >= logging.ERROR:
        return "ERROR"
    if number >= logging.WARNING:
        return "WARNING"
    return "INFO" if number >= logging.INFO else "DEBUG"


def _no_format(record: object) -> str:
    """Return no template: a text one would put the message and its values through `format`."""
    del record
    return ""


def _write_loguru(message: Message) -> None:
    record = message.record
    fields: dict[str, Any] = {
        "message": record["message"],
        "log.logger": record["name"],
        "log.origin.function": record["function"],
        "log.origin.file.line": record["line"],
        **application_fields(record["extra"]),
    }
    error = record["exception"].value if record["exception"] is not None else None
    level = _nearest_level(record["level"].no)
    pipeline.write(level, request_fields(current.get()), fields, error)


def _on_crash(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    del kind, traceback
    if isinstance(error, KeyboardInterrupt):
        log_event(Event.SYS_SHUTDOWN, reason="interrupted")
    else:
        log_event(Event.SYS_CRASH, error=error)


def _on_thread_crash(crash: threading.ExceptHookArgs) -> None:
    name = crash.thread.name if crash.thread is not None else None
    log_event(Event.UNEXPECTED_ERROR, error=crash.exc_value, thread=name)


def _on_unraisable(crash: sys.UnraisableHookArgs) -> None:
    log_event(Event.UNEXPECTED_ERROR, error=crash.exc_value, where=crash.err_msg)
