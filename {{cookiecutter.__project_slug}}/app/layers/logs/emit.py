"""What the layers and domains call to tell that something happened."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.layers.logs.events import Event, Level, level_of
from app.layers.logs.lines import account_hash, application_fields
from app.layers.logs.pipeline import pipeline
from app.request_context import current

if TYPE_CHECKING:
    from app.request_context import RequestContext

_account_hash = lru_cache(maxsize=1024)(account_hash)


def log_event(
    event: Event,
    /,
    *,
    level: Level | None = None,
    error: BaseException | None = None,
    **fields: Any,
) -> None:
    """Write one line about an event, with who and which request as far as they are known.

    Cheap enough for every refusal, and never raises.

    Args:
        event: what happened.
        level: how loud; the event's own level if not said.
        error: what caused it; its type, its words (redacted) and where it arose are written.
        fields: what the reader needs to know of it. A dotted name (`**{"url.path": …}`) is the
            schema's; any other is written as `app.<name>`. `user` is an account's id and is
            written as its hash.
    """
    name = event.value
    known = {"message": name, "event.action": name, **request_fields(current.get())}
    pipeline.write(level or level_of(event), known, application_fields(fields), error)


def log_unexpected(error: BaseException) -> None:
    """Write an error that nobody planned for."""
    log_event(Event.UNEXPECTED_ERROR, error=error)


def request_fields(context: RequestContext | None) -> dict[str, Any]:
    """Return what a line tells of the request in hand; nothing outside of any."""
    if context is None:
        return {}
    fields = {"http.request.id": context.request_id}
    if context.client != "unknown":  # a log store takes addresses only
        fields["source.ip"] = context.client
    if context.account is not None:
        fields["user.hash"] = _account_hash(context.account)
    return fields
