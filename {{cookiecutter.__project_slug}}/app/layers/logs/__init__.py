"""Layer 10, logs: one JSON line a request and one a security event, and no secret in any.

Stops: breaches that nobody saw (every request leaves a line, also when its client leaves or the
application raises; every refusal and every authentication leaves an event with a name to alert
on), secrets in logs (redaction of every record, by name and by shape), forged lines (JSON, without
control, bidi and zero-width characters), events silenced from inside (they pass by loguru's and
the standard library's switches).
Does not stop: a secret in running text that no name announces and that has no shape; whoever may
write to the process's stdout or change what was collected; it counts, and does not alarm.
When its dependency is down: requests go on; lines that stdout does not take are counted as lost.
Standard: ASVS 5.0 V16; OWASP Logging Cheat Sheet and Logging Vocabulary (`event.action`); Elastic
Common Schema 8.17 (names).

For lines of your own: `from loguru import logger`; a constant message, values by `bind`. What they
hold is redacted all the same.
"""

from __future__ import annotations

from app.layers.logs.capture import configure_logging
from app.layers.logs.emit import log_event, log_unexpected
from app.layers.logs.events import Event
from app.layers.logs.lines import account_hash
from app.layers.logs.middleware import LogsMiddleware
from app.layers.logs.redaction import printable, redact
from app.layers.logs.settings import LogsSettings
from app.layers.logs.streams import adopt_streams

__all__ = [
    "Event",
    "LogsMiddleware",
    "LogsSettings",
    "account_hash",
    "adopt_streams",
    "configure_logging",
    "log_event",
    "log_unexpected",
    "printable",
    "redact",
]
